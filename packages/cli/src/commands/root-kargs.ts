import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { nodeHost } from '@bootc-sdk/core/node'
import type { Cli } from '../io.js'

/**
 * Kernel arguments that find the root file system: what was asked for, else the UUID of the file system that
 * is mounted at the target. A plain directory has none: whoever puts it on a disk knows (`--karg root=…`).
 */
export async function rootKargs(cli: Cli, dir: string, spec: string | undefined): Promise<string[]> {
  if (spec !== undefined) return spec === '' ? ['rw'] : [`root=${spec}`, 'rw']
  if (!(await isMountPoint(dir))) return ['rw']
  const host = nodeHost()
  const found = await host.run(
    ['findmnt', '--noheadings', '--output', 'UUID,FSTYPE,FSROOT', '--mountpoint', dir],
    {
      signal: cli.signal,
    },
  )
  const [uuid, fsType, fsRoot] = found.stdout.trim().split(/\s+/)
  if (found.code !== 0 || uuid === undefined || !/^[0-9A-Fa-f-]{4,}$/.test(uuid)) return ['rw']
  const subvolume =
    fsType === 'btrfs' && fsRoot !== undefined && fsRoot !== '/'
      ? [`rootflags=subvol=${fsRoot.slice(1)}`]
      : []
  return [`root=UUID=${uuid}`, ...subvolume, 'rw']
}

async function isMountPoint(dir: string): Promise<boolean> {
  const [own, above] = await Promise.all([stat(dir), stat(dirname(dir))])
  return own.dev !== above.dev || own.ino === above.ino
}
