import { BootcError } from '@bootc-sdk/core'
import type { Dir, Host, Volume } from '@bootc-sdk/core'

/** @see systemd Boot Loader Interface, LoaderEntryOneShot */
const variable = 'LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
/** EFI_VARIABLE_NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS. */
const variableAttributes = 7

/**
 * Say which entry boots next time only; undefined takes it back. By the variable itself where EFI variables are
 * given as a directory, else by bootctl.
 *
 * @param id file name of the entry without its count
 * @throws BootcError `BOOT_ONE_SHOT_FAILED`
 */
export async function bootOnce(
  id: string | undefined,
  { host, efivars, esp }: { host: Host; efivars: Dir | undefined; esp: Volume | undefined },
): Promise<void> {
  if (efivars !== undefined) {
    await writeVariable(efivars, id)
    return
  }
  const path = esp?.dir.hostPath === undefined ? [] : [`--esp-path=${esp.dir.hostPath}`]
  const { code, stderr } = await host.run(['bootctl', ...path, 'set-oneshot', id ?? ''])
  if (code === 0) return
  const why = code === 127 ? 'bootctl is missing' : stderr.trim()
  throw new BootcError('BOOT_ONE_SHOT_FAILED', `the entry for the next boot could not be set: ${why}`, {
    details: { entry: id, code },
  })
}

async function writeVariable(efivars: Dir, id: string | undefined): Promise<void> {
  // The kernel makes variables that it does not know immutable.
  if ((await efivars.stat(variable)) !== undefined) await efivars.setImmutable?.(variable, false)
  if (id === undefined) {
    await efivars.remove(variable)
    return
  }
  const data = Buffer.alloc(4 + 2 * (id.length + 1))
  data.writeUInt32LE(variableAttributes, 0)
  data.write(id, 4, 'utf16le')
  // A variable is set by one write to its file, which cannot be renamed.
  await efivars.write(variable, data, { atomic: false })
}
