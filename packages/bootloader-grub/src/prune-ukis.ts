import type { BootEntry, Dir } from '@bootc-sdk/core'
import { inVolume, isDirectory } from '@bootc-sdk/core/boot-kit'

const parent = 'EFI/Linux/bootc'
const ownName = /^bootc_composefs-(?:[0-9a-f]{64}){1,2}\.efi(?:\.extra\.d)?$/i
/** Names under which `Dir.write` works until a file is whole. */
const temporaryName = /^\.bootc-sdk-[^/]*\.tmp$/i

/** Remove unified kernel images of ours, with their addons, that no entry left names. */
export async function pruneUkis(esp: Dir, entries: readonly BootEntry[]): Promise<void> {
  if (!(await isDirectory(esp, parent))) return
  const used = new Set(
    entries.flatMap(({ extra }) => extra.map(([, value]) => inVolume(value).toLowerCase())),
  )
  const found: string[] = []
  for await (const { name } of esp.list(parent)) {
    const image = `${parent}/${name.replace(/\.extra\.d$/i, '')}`.toLowerCase()
    if (temporaryName.test(name) || (ownName.test(name) && !used.has(image))) found.push(`${parent}/${name}`)
  }
  for (const path of found) await esp.remove(path)
  if (found.length > 0) await esp.sync()
}
