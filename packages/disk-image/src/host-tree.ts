import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Xattr } from '@bootc-sdk/core'
import { decodeName, encodeName } from '@bootc-sdk/core/names'
import { toStat, type getNative } from '@bootc-sdk/core/node'
import { sortXattrs } from './record/owner-table.js'
import type { PackSource } from './scan-tree.js'

/** Not used with absolute paths. */
const noDirectory = -100

type Native = NonNullable<ReturnType<typeof getNative>>

/**
 * A directory read with as few system calls as there can be: of nobody but us, so nothing can change under our hands,
 * and a confined look at every entry would double the time of packing.
 */
export function hostTree(contentPath: string, native: Native): PackSource['tree'] {
  const full = (path: string): Buffer => encodeName(path === '' ? contentPath : join(contentPath, path))
  return {
    stat: (path) => Promise.resolve(toStat(lstatSync(full(path)))),
    async *list(path) {
      const prefix = Buffer.concat([full(path), Buffer.from('/')])
      for (const name of readdirSync(full(path), { encoding: 'buffer' })) {
        yield { name: decodeName(name), stat: toStat(lstatSync(Buffer.concat([prefix, name]))) }
      }
    },
    readlink: (path) => Promise.resolve(decodeName(readlinkSync(full(path), { encoding: 'buffer' }))),
    xattrs(path) {
      // An absolute path needs no directory to start from.
      const name = full(path)
      const out: Xattr[] = []
      for (const key of native.sys.listxattr(noDirectory, name)) {
        const value = native.sys.getxattr(noDirectory, name, key)
        if (value !== undefined) out.push({ name: key.toString('utf8'), value })
      }
      return Promise.resolve(sortXattrs(out))
    },
  }
}

/** makedev(3) of glibc. */
export function deviceNumbers(contentPath: string, path: string): { major: number; minor: number } {
  const { rdev } = lstatSync(encodeName(join(contentPath, path)))
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}

/** Directories with FS_IMMUTABLE_FL; where the file system has no flags there are none. */
export function hasImmutableFlag(contentPath: string, path: string, native: Native): boolean {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants
  const fd = openSync(encodeName(join(contentPath, path)), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    return native.sys.getImmutable(fd)
  } catch {
    return false
  } finally {
    closeSync(fd)
  }
}
