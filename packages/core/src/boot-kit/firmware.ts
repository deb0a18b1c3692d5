import type { Dir, Host, OpOptions, Volume, Warning } from '../interfaces/index.js'

export interface FirmwareEntry {
  /** Name in the firmware's menu. */
  readonly label: string
  /** Path of the program to start, on an ESP. */
  readonly programOn: (esp: Dir) => Promise<string | undefined>
}

/**
 * Have the firmware of this machine start the loader first, by efibootmgr. Without it the file that firmware
 * starts from any disk does.
 *
 * @returns a warning where it could not be done; the machine boots all the same
 */
export async function registerWithFirmware(
  host: Host,
  esps: readonly Volume[],
  { label, programOn, ...options }: OpOptions & FirmwareEntry,
): Promise<Warning[]> {
  const failed = (why: string): Warning[] => [
    { code: 'boot:firmware-variables', message: `the loader was not registered with the firmware: ${why}` },
  ]
  if (!host.supports.efivars) return failed('this machine has no EFI variables')
  const run = async (argv: readonly string[]) =>
    host.run(argv, options.signal ? { signal: options.signal } : {})
  const known = await run(['efibootmgr'])
  if (known.code !== 0) return failed(known.code === 127 ? 'efibootmgr is missing' : known.stderr.trim())
  if (known.stdout.split('\n').some((line) => line.includes(` ${label}`))) return []
  for (const { dir } of esps) {
    if (dir.hostPath === undefined) return failed('the ESP is not mounted')
    const program = await programOn(dir)
    const source = await run(['findmnt', '--noheadings', '--output', 'SOURCE', '--target', dir.hostPath])
    const device = source.stdout.trim()
    const found = await run(['lsblk', '--noheadings', '--paths', '--output', 'PKNAME,PARTN', device])
    const [disk, number] = found.stdout.trim().split(/\s+/)
    if (program === undefined || disk === undefined || number === undefined || !/^\d+$/.test(number)) {
      return failed(`the partition of ${dir.hostPath} was not found`)
    }
    const loader = `\\${program.replaceAll('/', '\\')}`
    const partition = ['--disk', disk, '--part', number]
    const made = await run(['efibootmgr', '--create', ...partition, '--label', label, '--loader', loader])
    if (made.code !== 0) return failed(made.stderr.trim())
  }
  return []
}
