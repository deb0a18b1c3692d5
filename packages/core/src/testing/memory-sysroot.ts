import type { Dir, Sysroot, Volume } from '../interfaces/index.js'
import { fakeHost, type FakeHost } from './fake-host.js'
import { memoryDir } from './memory-dir.js'

export interface MemorySysrootOptions {
  readonly host?: FakeHost
  /** Default: empty, with an empty `boot`. */
  readonly root?: Dir
  /** Default: empty. */
  readonly run?: Dir
  /** `directory` (default): `boot` of the root, prefix `/boot/`. `volume`: a file system of its own. */
  readonly boot?: 'directory' | 'volume' | Volume
  readonly esps?: readonly Volume[]
  readonly live?: boolean
  readonly readOnly?: boolean
}

export interface MemorySysroot extends Sysroot {
  readonly host: FakeHost
}

/** A sysroot in memory. */
export function memorySysroot(options: MemorySysrootOptions = {}): MemorySysroot {
  const { boot = 'directory', live = false, readOnly = false, esps = [] } = options
  const { host = fakeHost(), run = memoryDir(), root = memoryDir({ directories: ['boot'] }) } = options
  const sysroot: MemorySysroot = {
    host,
    root,
    run,
    live,
    readOnly,
    boot: typeof boot === 'object' ? boot : bootVolume(root, boot),
    esps,
    async lock(lockOptions = {}) {
      const held = await root.lock('', { ...lockOptions, exclusive: true })
      return { sysroot, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
    },
  }
  return Object.freeze(sysroot)
}

function bootVolume(root: Dir, boot: 'directory' | 'volume'): Volume {
  if (boot === 'volume') return { dir: memoryDir(), fsType: 'ext4', bootPrefix: '/' }
  return { dir: root.sub('boot'), fsType: 'ext4', bootPrefix: '/boot/' }
}
