import type { Dir, Sysroot, Volume } from '../interfaces/index.js'
import { fakeHost, type FakeHost } from './fake-host.js'
import { memoryDir, type MemoryDir } from './memory-dir.js'

/** File systems of a machine in memory. */
export interface MemoryDisks {
  readonly root: MemoryDir
  /** A boot volume of its own; without it /boot is a directory of the root. */
  readonly boot?: MemoryDir
}

export interface MemorySysrootOptions {
  readonly host?: FakeHost
  /** Default: empty, with an empty `boot`. */
  readonly root?: MemoryDir
  /** Default: empty. */
  readonly run?: MemoryDir
  /** `directory` (default): `boot` of the root, prefix `/boot/`. `volume` or a directory: a file system of its own. */
  readonly boot?: 'directory' | 'volume' | MemoryDir
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
  const boot = options.boot === 'volume' ? memoryDir() : options.boot
  const disks = boot === undefined || boot === 'directory' ? { root } : { root, boot }
  return assembleSysroot({ ...options, disks, memoryRun: run, volumes: { ...disks, run } })
}

/** A sysroot on given directories, which may be wrappers of `disks`. */
export function assembleSysroot(
  parts: Omit<MemorySysrootOptions, 'root' | 'run' | 'boot'> & {
    readonly disks: MemoryDisks
    readonly memoryRun: MemoryDir
    readonly volumes: { readonly root: Dir; readonly boot?: Dir; readonly run: Dir }
  },
): MemorySysroot {
  const { disks, memoryRun, volumes, live = false, readOnly = false, esps = [], host = fakeHost() } = parts
  const { root, run } = volumes
  const boot: Volume =
    volumes.boot === undefined
      ? { dir: root.sub('boot'), fsType: 'ext4', bootPrefix: '/boot/' }
      : { dir: volumes.boot, fsType: 'ext4', bootPrefix: '/' }
  const sysroot: MemorySysroot = {
    host,
    root,
    run,
    live,
    readOnly,
    boot,
    esps,
    disks,
    memoryRun,
    async lock(options = {}) {
      const held = await root.lock('', { ...options, exclusive: true })
      return { sysroot, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
    },
  }
  return Object.freeze(sysroot)
}
