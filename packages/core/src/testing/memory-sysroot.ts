import type { Dir, Sysroot, Volume } from '../interfaces/index.js'
import { fakeHost, type FakeHost } from './fake-host.js'
import { memoryDir, type MemoryDir } from './memory-dir.js'

/** File systems of a machine in memory. */
export interface MemoryDisks {
  readonly root: MemoryDir
  /** A boot volume of its own; without it /boot is a directory of the root. */
  readonly boot?: MemoryDir
  /** An EFI system partition beside /boot. */
  readonly esp?: MemoryDir
}

export interface MemorySysrootOptions {
  readonly host?: FakeHost
  /** Default: empty, with an empty `boot`. */
  readonly root?: MemoryDir
  /** Default: empty. */
  readonly run?: MemoryDir
  /**
   * `directory` (default): `boot` of the root, prefix `/boot/`. `volume` or a directory: a file system of its own.
   * `esp`: that file system is the EFI system partition. Directories with the rules of FAT are taken for one, unless
   * there is another.
   */
  readonly boot?: 'directory' | 'volume' | 'esp' | MemoryDir
  /** EFI system partition beside /boot. */
  readonly esp?: 'volume' | MemoryDir
  /** More of them. */
  readonly esps?: readonly Volume[]
  readonly live?: boolean
  readonly readOnly?: boolean
}

export interface MemorySysroot extends Sysroot {
  readonly host: FakeHost
  /** What lies under `root` and `boot`, to look into, copy and go on with. */
  readonly disks: MemoryDisks
  readonly memoryRun: MemoryDir
}

/** A sysroot in memory. */
export function memorySysroot(options: MemorySysrootOptions = {}): MemorySysroot {
  const { root = memoryDir({ directories: ['boot'] }), run = memoryDir() } = options
  const { boot = 'directory', esp } = options
  const disks: MemoryDisks = {
    root,
    ...(boot === 'directory' ? {} : { boot: typeof boot === 'string' ? bootVolume(boot) : boot }),
    ...(esp === undefined ? {} : { esp: esp === 'volume' ? memoryDir({ fat: true }) : esp }),
  }
  return assembleSysroot({ ...options, disks, memoryRun: run, volumes: { ...disks, run } })
}

const bootVolume = (kind: 'volume' | 'esp') => memoryDir(kind === 'esp' ? { fat: true } : {})

/** A sysroot on given directories, which may be wrappers of `disks`. */
export function assembleSysroot(
  parts: Omit<MemorySysrootOptions, 'root' | 'run' | 'boot' | 'esp'> & {
    readonly disks: MemoryDisks
    readonly memoryRun: MemoryDir
    readonly volumes: { readonly root: Dir; readonly boot?: Dir; readonly esp?: Dir; readonly run: Dir }
  },
): MemorySysroot {
  const { disks, memoryRun, volumes, live = false, readOnly = false, esps = [], host = fakeHost() } = parts
  const { root, run } = volumes
  const boot: Volume =
    volumes.boot === undefined
      ? { dir: root.sub('boot'), fsType: 'ext4', bootPrefix: '/boot/' }
      : { dir: volumes.boot, fsType: volumes.boot.supports.symlink ? 'ext4' : 'vfat', bootPrefix: '/' }
  const own: Volume[] =
    volumes.esp === undefined
      ? boot.fsType === 'vfat'
        ? [boot]
        : []
      : [{ dir: volumes.esp, fsType: 'vfat', bootPrefix: '/' }]
  const sysroot: MemorySysroot = {
    host,
    root,
    run,
    live,
    readOnly,
    boot,
    esps: [...own, ...esps.filter((each) => !own.some(({ dir }) => dir === each.dir))],
    disks,
    memoryRun,
    async lock(options = {}) {
      const held = await root.lock('', { ...options, exclusive: true })
      return { sysroot, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
    },
  }
  return Object.freeze(sysroot)
}
