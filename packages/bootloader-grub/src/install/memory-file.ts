import type { ReadTree, Stat } from '@bootc-sdk/core'

/** A tree that is one file, at `''`, for readers of trees. */
export function memoryFile(data: Buffer): ReadTree {
  const stat: Stat = {
    ...{ type: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes: data.length },
    ...{ mtime: 0, nlink: 1, dev: 0, ino: 0 },
  }
  return {
    stat: () => Promise.resolve(stat),
    async *list() {},
    async *read(_path, range) {
      yield data.subarray(range?.start ?? 0, range?.end ?? data.length)
    },
    readlink: () => Promise.reject(new Error('is a file')),
    xattrs: () => Promise.resolve([]),
  }
}
