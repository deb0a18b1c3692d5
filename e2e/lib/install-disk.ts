import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BootPath } from './guests.js'
import { bootcArgv, run } from './tools.js'

export interface DiskOptions {
  readonly path: BootPath
  /** Registry references of what to install, and of what the machine follows. */
  readonly source: string
  readonly target: string
  /** Where the disk goes; qcow2 by its ending, else raw. */
  readonly disk: string
}

const nobody = 65_534

/** Make a disk with our command, as a user who may do nothing. */
export function installDisk({ path, source, target, disk }: DiskOptions): void {
  const { store, loader, firmware = 'uefi', partitions = [] } = path
  const work = `${disk}.d`
  const made = join(work, disk.endsWith('.qcow2') ? 'disk.qcow2' : 'disk.raw')
  mkdirSync(work)
  chownSync(work, nobody, nobody)
  // Scratch directories are private; this one has to be passed through.
  chmodSync(dirname(disk), 0o711)
  run(
    'setpriv',
    ...[
      `--reuid=${nobody}`,
      `--regid=${nobody}`,
      '--clear-groups',
      '--',
      'env',
      `TMPDIR=${work}`,
      `HOME=${work}`,
    ],
    ...bootcArgv('install', 'to-image', '--store', store, '--bootloader', loader, '--tls-verify=false'),
    ...['--source-imgref', `docker://${source}`, '--target-imgref', target],
    ...(firmware === 'bios' ? ['--boot-mode', 'bios'] : []),
    ...partitions.flatMap((partition) => ['--partition', partition]),
    made,
  )
  run('mv', made, disk)
  rmSync(work, { recursive: true })
}
