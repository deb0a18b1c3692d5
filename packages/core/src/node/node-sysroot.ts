import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { joinPath } from '../names/index.js'
import type { Dir, Host, Sysroot, Volume } from '../interfaces/index.js'
import { deviceLayers } from './device-layers.js'
import { entryPrefix } from './entry-prefix.js'
import { fsUuid } from './fs-uuid.js'
import { lazyDir } from './lazy-dir.js'
import { mountAt } from './mounts.js'
import { nodeDir } from './node-dir.js'
import { nodeHost } from './node-host.js'
import { errnoOf } from './tree-error.js'

export interface NodeSysrootOptions {
  /** What is lost at reboot; default `/run` for the running system, else `run` below the path (made when needed). */
  readonly run?: Dir
  readonly host?: Host
  /** Is it what the machine runs from? Default: the path is `/`. */
  readonly live?: boolean
  /**
   * Where boot and EFI volumes are mounted (`boot`, `boot/efi`, `efi`), when that is not the path: the root of a running
   * system whose physical root this is.
   */
  readonly mountedBelow?: string
}

/** Where those of a running system are mounted that are nowhere else. */
export const furtherEsps = '/run/bootc-sdk/esp'

/** @see linux/magic.h, statfs(2) */
const fsTypes: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x9123683e: 'btrfs',
  0x58465342: 'xfs',
  0x4d44: 'vfat',
  0x2011bab0: 'exfat',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
  0xf2f52010: 'f2fs',
}

/**
 * A sysroot in a directory: a mounted target, a plain directory, or `/` of the running system (then the
 * physical root is found at /sysroot, where image-based systems mount it).
 *
 * The boot volume is `boot`, a volume of its own when it lies on another device. ESPs are FAT volumes mounted
 * at `boot`, `boot/efi` or `efi`, those of the running system also below /run/bootc-sdk/esp.
 */
export function nodeSysroot(path: string, options: NodeSysrootOptions = {}): Sysroot {
  const { live = path === '/' } = options
  const physical = path === '/' && hasSysroot() ? '/sysroot' : path
  const root = nodeDir(physical)
  // The running system's /boot is mounted there, not below /sysroot.
  const outer =
    options.mountedBelow !== undefined ? nodeDir(options.mountedBelow) : path === '/' ? nodeDir('/') : root
  const bootFrom = path === '/' && !isBootMounted(physical) ? root : outer
  const host = options.host ?? nodeHost({ live })
  const run = options.run ?? (path === '/' ? nodeDir('/run') : lazyDir(root, 'run'))
  const sysroot: Sysroot = {
    host,
    root,
    run,
    live,
    readOnly: isReadOnly(root.hostPath!),
    boot: bootVolume(root, bootFrom),
    esps: findEsps(outer, path === '/' ? furtherEsps : undefined),
    async lock(lockOptions = {}) {
      const held = await root.lock('', { ...lockOptions, exclusive: true })
      return { sysroot, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
    },
  }
  return Object.freeze(sysroot)
}

/**
 * Is the running system's /boot where its loader looks? OSTree mounts the physical one there. Elsewhere it is the
 * image's own, empty directory, or systemd has mounted the ESP over it although entries are on the root.
 */
function isBootMounted(physical: string): boolean {
  if (mountAt('/boot') === undefined) return false
  return physical === '/' || !hasBootEntries(`${physical}/boot`) || fsType('/boot') !== 'vfat'
}

/** Does a loader find entries in this directory: those of the Boot Loader Specification, or of unified kernel images? */
function hasBootEntries(bootPath: string): boolean {
  return existsSync(`${bootPath}/loader`) || existsSync(`${bootPath}/grub2/user.cfg`)
}

/** Image-based systems have their physical root there; the link, or bootc's repository, tells them apart. */
function hasSysroot(): boolean {
  return (isSymlink('/ostree') && existsSync('/sysroot')) || existsSync('/sysroot/composefs')
}

function bootVolume(root: Dir, outer: Dir): Volume {
  const hostPath = below(outer, 'boot')
  // Not there yet (an empty target): a directory of the root, made by the first write.
  if (!isDirectory(hostPath)) {
    return volume(lazyDir(root, 'boot'), root.hostPath!, '/boot/')
  }
  const dir = nodeDir(hostPath)
  const own = statSync(hostPath).dev !== statSync(root.hostPath!).dev
  // Existing entries know better: bind mounts and subvolumes have device numbers of their own.
  const bootPrefix = entryPrefix(hostPath) ?? (own ? '/' : '/boot/')
  return volume(dir, hostPath, bootPrefix)
}

/** @param hostPath on the same file system, and there already */
function volume(dir: Dir, hostPath: string, bootPrefix: Volume['bootPrefix']): Volume {
  let known: { readonly uuid: string | undefined } | undefined
  let below: { readonly layers: Volume['layers'] } | undefined
  return {
    ...{ dir, fsType: fsType(hostPath), bootPrefix },
    // Looked up when it is asked for: most commands never do.
    get uuid() {
      known ??= { uuid: fsUuid(hostPath) }
      return known.uuid
    },
    get layers() {
      below ??= { layers: deviceLayers(hostPath) }
      return below.layers
    },
  }
}

function findEsps(outer: Dir, further: string | undefined): Volume[] {
  const esps: Volume[] = []
  const seen = new Set<number>([statSync(outer.hostPath!).dev])
  const others = further === undefined || !isDirectory(further) ? [] : readdirSync(further).sort()
  const paths = ['boot/efi', 'efi', 'boot'].map((name) => below(outer, name))
  for (const hostPath of [...paths, ...others.map((name) => joinPath(further!, name))]) {
    if (!isDirectory(hostPath) || fsType(hostPath) !== 'vfat') continue
    const { dev } = statSync(hostPath)
    // A directory of what is above it (with an ESP at /boot, /boot/efi is its directory EFI), or one seen before.
    if (seen.has(dev) || dev === statSync(dirname(hostPath)).dev) continue
    seen.add(dev)
    esps.push(volume(nodeDir(hostPath), hostPath, '/'))
  }
  return esps
}

function below(dir: Dir, name: string): string {
  return dir.hostPath === '/' ? `/${name}` : joinPath(dir.hostPath!, name)
}

function isReadOnly(hostPath: string): boolean {
  try {
    accessSync(hostPath, constants.W_OK)
    return false
  } catch (error) {
    // Lack of permission is another matter, and told when something is written.
    return errnoOf(error) === 'EROFS'
  }
}

function fsType(hostPath: string): string {
  return fsTypes[statfsSync(hostPath).type] ?? 'unknown'
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function isSymlink(path: string): boolean {
  try {
    return readlinkSync(path) !== ''
  } catch {
    return false
  }
}
