import type { BootEntry, Dir } from '@bootc-sdk/core'
import { entriesDir, isTemporary, readEntries, readSet, stagedDir } from './entries.js'
import { inVolume, isDirectory } from '@bootc-sdk/core/boot-kit'
import { readActive } from './journal.js'
import { recover } from './switch.js'

/** Where artifacts have names of their own. */
const artifacts = [
  { parent: 'ostree', type: 'directory', name: /-[0-9a-f]{64}$/i },
  { parent: 'EFI/Linux', type: 'directory', name: /^bootc_composefs-(?:[0-9a-f]{64}){1,2}$/i },
  { parent: 'EFI/Linux/bootc', type: 'file', name: /^bootc_composefs-(?:[0-9a-f]{64}){1,2}\.efi$/i },
  {
    parent: 'EFI/Linux/bootc',
    type: 'directory',
    name: /^bootc_composefs-(?:[0-9a-f]{64}){1,2}\.efi\.extra\.d$/i,
  },
] as const

/**
 * Remove the prepared set unless its entries are kept, and kernels that no entry left names. Anything of
 * another shape on the volume is somebody else's and stays.
 */
export async function pruneVolume(dir: Dir, keep: readonly BootEntry[]): Promise<void> {
  await recover(dir)
  const staged = await readSet(dir, stagedDir)
  const prepared = await readEntries(dir, staged.own)
  // A set of which only some are kept is what a cut left of the one before: sets share entries.
  const isKept =
    prepared.length > 0 && prepared.every((entry) => keep.some((other) => sameEntry(entry, other)))
  if (!isKept) await dir.remove(stagedDir)
  const active = await readActive(dir)
  for (const name of active.damaged) await dir.remove(`${entriesDir}/${name}`)
  const entries = [...keep, ...(await readEntries(dir, active.files)), ...(isKept ? prepared : [])]
  await removeUnused(dir, entries)
  await removeTemporary(dir, 'loader')
  await dir.sync()
}

/** Paths that entries name, as on the volume. */
export function filesOf(entries: readonly BootEntry[]): string[] {
  return entries
    .flatMap(({ linux, initrds, devicetree, extra }) => [
      linux,
      ...initrds,
      devicetree,
      ...extra.map(([, value]) => value),
    ])
    .flatMap((path) => (path?.startsWith('/') === true ? [inVolume(path)] : []))
}

async function removeUnused(dir: Dir, entries: readonly BootEntry[]): Promise<void> {
  const files = filesOf(entries).map((path) => path.toLowerCase())
  for (const { parent, type, name: pattern } of artifacts) {
    if (!(await isDirectory(dir, parent))) continue
    const found: string[] = []
    for await (const { name, stat } of dir.list(parent)) {
      if (stat.type === type && pattern.test(name)) found.push(`${parent}/${name}`)
    }
    for (const path of found) {
      const image = path.replace(/\.extra\.d$/i, '').toLowerCase()
      const isUsed = files.some((file) => file === image || file.startsWith(`${image}/`))
      if (!isUsed) await dir.remove(path)
      else if (type === 'directory') await removeTemporary(dir, path)
    }
    await removeTemporary(dir, parent)
  }
}

/** Half a kernel is much on a small volume. */
async function removeTemporary(dir: Dir, path: string): Promise<void> {
  if (!(await isDirectory(dir, path))) return
  const found: string[] = []
  for await (const { name } of dir.list(path)) if (isTemporary(name)) found.push(name)
  for (const name of found) await dir.remove(`${path}/${name}`)
}

function sameEntry(a: BootEntry, b: BootEntry): boolean {
  return a.fileName === b.fileName && a.options === b.options && a.linux === b.linux
}
