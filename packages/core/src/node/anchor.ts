import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  type Stats,
} from 'node:fs'
import type { NativeAddon } from '@bootc-sdk/native'
import { compareNames, decodeName, encodeName, isUtf8Name } from '../names/index.js'
import { errnoOf, fromErrno, treeError } from './tree-error.js'

/** Not in Node's constants; the same on every Linux architecture that Node runs on. */
export const oPath = 0x200000

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants

/** openat2(2): RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH. @see linux/openat2.h */
const resolveConfined = 0x02 | 0x04 | 0x08

/** Entries of an open directory can be named by path, so Node's fs works relative to it. */
const hasProcFd = process.platform === 'linux' && existsSync('/proc/self/fd')

let openat2Works = true

/**
 * A directory held open, and paths of the entries in it. On Linux names go through `/proc/self/fd/N`, so that
 * nobody can exchange a directory on the way for a symbolic link; elsewhere it is a checked path.
 */
export class Anchor implements Disposable {
  private constructor(
    /** Path of the directory itself; may hold escaped bytes (see `core/names`). */
    readonly prefix: string,
    readonly fd: number | undefined,
  ) {}

  /** A directory that is trusted, by its absolute path. */
  static trusted(hostPath: string): Anchor {
    return new Anchor(hostPath === '/' ? '' : hostPath, undefined)
  }

  /** Path for Node's fs: bytes where the name is not UTF-8. */
  at(name: string): string | Buffer {
    return hostName(`${this.prefix}/${name}`)
  }

  /** The directory below, by a path without `..`; links are refused. `shown` is for messages. */
  descend(path: string, shown: string, native: NativeAddon | undefined): Anchor {
    if (path === '') return this.reopen()
    try {
      if (!hasProcFd) return this.#descendByPath(path, shown)
      if (native === undefined || !openat2Works) return this.#walk(path, shown)
      using base = this.reopen()
      return Anchor.#ofFd(openConfined(native, base.fd!, path))
    } catch (error) {
      if (errnoOf(error) === 'ENOSYS' && openat2Works) {
        openat2Works = false
        return this.descend(path, shown, native)
      }
      if (errnoOf(error) === 'EXDEV') throw treeError('TREE_ESCAPE', shown, { cause: error })
      throw fromErrno(error, shown)
    }
  }

  /** A directory in this one, for reading its entries. @throws ENOTDIR, ELOOP as Node's fs does */
  openDirectory(name: string): Anchor {
    const path = this.at(name)
    if (hasProcFd) return Anchor.#ofFd(openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
    if (!lstatSync(path).isDirectory()) throw treeError('TREE_NOT_DIRECTORY', name)
    return new Anchor(`${this.prefix}/${name}`, undefined)
  }

  /** The same directory with a descriptor of its own (where there are descriptors of directories). */
  reopen(): Anchor {
    if (!hasProcFd) return new Anchor(this.prefix, undefined)
    return Anchor.#ofFd(openSync(hostName(this.prefix === '' ? '/' : this.prefix), oPath | O_DIRECTORY))
  }

  /** Names in byte order. */
  names(): string[] {
    const path = hostName(this.prefix === '' ? '/' : this.prefix)
    const names = readdirSync(path)
    if (!names.some((name) => name.includes('\ufffd'))) return names.sort(compareNames)
    // A replacement character may stand for bytes that are not UTF-8.
    return readdirSync(path, { encoding: 'buffer' }).map(decodeName).sort(compareNames)
  }

  lstat(name: string): Stats | undefined {
    return lstatSync(this.at(name), { throwIfNoEntry: false })
  }

  [Symbol.dispose](): void {
    if (this.fd !== undefined) closeSync(this.fd)
  }

  /** One component at a time with O_NOFOLLOW: as safe as openat2, at one call a component. */
  #walk(path: string, shown: string): Anchor {
    let current: Anchor = this.reopen()
    for (const name of path.split('/')) {
      using parent = current
      try {
        current = Anchor.#ofFd(openSync(parent.at(name), oPath | O_DIRECTORY | O_NOFOLLOW))
      } catch (error) {
        if (parent.lstat(name)?.isSymbolicLink()) throw treeError('TREE_ESCAPE', shown, { cause: error })
        throw error
      }
    }
    return current
  }

  /** Without descriptors of directories there is a window between check and use. */
  #descendByPath(path: string, shown: string): Anchor {
    let prefix = this.prefix
    for (const name of path.split('/')) {
      prefix = `${prefix}/${name}`
      const stat = lstatSync(hostName(prefix))
      if (stat.isSymbolicLink()) throw treeError('TREE_ESCAPE', shown)
      if (!stat.isDirectory()) throw treeError('TREE_NOT_DIRECTORY', shown)
    }
    return new Anchor(prefix, undefined)
  }

  static #ofFd(fd: number): Anchor {
    return new Anchor(`/proc/self/fd/${fd}`, fd)
  }
}

/** A path as Node's fs wants it. */
export function hostName(path: string): string | Buffer {
  return isUtf8Name(path) ? path : encodeName(path)
}

/** Path of an open descriptor, naming its inode whatever its name is now; undefined where there is no such thing. */
export function fdPath(fd: number): string | undefined {
  return hasProcFd ? `/proc/self/fd/${fd}` : undefined
}

/** Device of an open or named directory. */
export function deviceOf(anchor: Anchor): number {
  return anchor.fd === undefined ? lstatSync(anchor.at('.')).dev : fstatSync(anchor.fd).dev
}

function openConfined(native: NativeAddon, dirfd: number, path: string): number {
  for (let attempt = 0; ; attempt++) {
    try {
      return native.sys.openat2(dirfd, hostName(path), oPath | O_DIRECTORY, 0, resolveConfined)
    } catch (error) {
      // A rename elsewhere in the system makes the kernel give up its check.
      if (errnoOf(error) !== 'EAGAIN' || attempt >= 100) throw error
    }
  }
}
