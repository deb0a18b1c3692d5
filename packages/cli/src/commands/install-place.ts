import { existsSync, statSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { bootMountOf, BootcError, type BootMount, type Sysroot } from '@bootc-sdk/core'
import { inheritedRootKargs, splitKargs } from '@bootc-sdk/core/kargs'
import { fsUuid, mountAt, type Mount } from '@bootc-sdk/core/node'

/** Where a new system goes on this machine. */
export interface InstallPlace {
  /** The file system that will hold all deployments. */
  readonly physical: string
  /** Where boot and EFI volumes are mounted: above `physical` on a system that is image-based already. */
  readonly mountedBelow: string
  /** Absent for a plain directory. */
  readonly mount: Mount | undefined
  /** It is what the machine runs from. */
  readonly isHostRoot: boolean
}

/** @throws BootcError `SYSROOT_NOT_FOUND`, `SYSROOT_FS_UNSUPPORTED` */
export async function findPlace(dir: string): Promise<InstallPlace> {
  const path = await existingDirectory(dir)
  const physical = existsSync(join(path, 'sysroot/ostree')) ? join(path, 'sysroot') : path
  const mount = mountAt(physical)
  if (mount !== undefined) assertFileSystem(mount)
  const isHostRoot = mount !== undefined && statSync(physical).dev === hostRootDevice()
  return { physical, mountedBelow: path, mount, isHostRoot }
}

export async function existingDirectory(dir: string): Promise<string> {
  const path = await realpath(dir).catch((cause: unknown) => {
    throw new BootcError('SYSROOT_NOT_FOUND', `there is no directory ${dir}`, {
      details: { path: dir },
      cause,
    })
  })
  if (statSync(path).isDirectory()) return path
  throw new BootcError('SYSROOT_NOT_FOUND', `Not a directory: ${dir}`, { details: { path: dir } })
}

/** Deployments need hard links, owners and attributes; plain directories are taken as they are. */
function assertFileSystem({ fsType, point }: Mount): void {
  if (['ext4', 'xfs', 'btrfs'].includes(fsType)) return
  throw new BootcError('SYSROOT_FS_UNSUPPORTED', `Unknown filesystem: ${fsType}`, {
    details: { fsType, path: point, supported: ['ext4', 'xfs', 'btrfs'] },
  })
}

/** Of process 1, also from inside a container that sees it. */
function hostRootDevice(): number {
  try {
    return statSync('/proc/1/root/').dev
  } catch {
    return statSync('/').dev
  }
}

/**
 * Kernel arguments that find the root file system. A plain directory has none: whoever puts it on a disk knows
 * (`--karg root=…`).
 */
export function rootKargsOf({ physical, mount }: InstallPlace): string[] {
  const uuid = mount === undefined ? undefined : fsUuid(physical)
  if (mount === undefined || uuid === undefined) return ['rw']
  const subvolume =
    mount.fsType === 'btrfs' && mount.root !== '/' ? [`rootflags=subvol=${mount.root.slice(1)}`] : []
  return [`root=UUID=${uuid}`, ...subvolume, 'rw']
}

/** Those that the running system found the same file system with; else as for any other. */
export function runningRootKargs(cmdline: string, place: InstallPlace): string[] {
  const words = inheritedRootKargs(splitKargs(cmdline))
  const root = words.find((word) => word.startsWith('root='))
  if (root === undefined) return rootKargsOf(place)
  return [root, ...words.filter((word) => !word.startsWith('root=')), 'rw']
}

/** What is at /boot of the target: by its fstab, else by what is mounted there now. FAT is systemd's to mount. */
export async function findBootMount(
  { physical }: InstallPlace,
  { boot }: Pick<Sysroot, 'boot'>,
): Promise<BootMount | undefined> {
  if (boot.fsType === 'vfat') return undefined
  const fstab = await readFile(join(physical, 'etc/fstab'), 'utf8').catch(() => '')
  const written = bootMountOf(fstab)
  if (written !== undefined) return written
  const path = boot.dir.hostPath
  if (path === undefined || mountAt(path) === undefined || boot.uuid === undefined) return undefined
  return statSync(path).dev === statSync(physical).dev ? undefined : { source: `UUID=${boot.uuid}` }
}
