import type { Stat, ReadTree, Xattr } from '../interfaces/tree.js'
import type { EtcPolicy } from './types.js'

/** A path in one of the trees. */
export interface Side {
  readonly tree: ReadTree
  readonly path: string
  readonly stat: Stat
}

/** Devices, pipes and sockets: no policy carries them over. */
export function isSpecial(stat: Stat): boolean {
  return stat.type !== 'file' && stat.type !== 'directory' && stat.type !== 'symlink'
}

/** Equal by owner, mode and content, under `composefs` also by extended attributes. Times never count. */
export async function sameEntry(a: Side, b: Side, policy: EtcPolicy): Promise<boolean> {
  if (a.stat.type !== b.stat.type) return false
  if (a.stat.uid !== b.stat.uid || a.stat.gid !== b.stat.gid) return false
  // Modes of symbolic links mean nothing.
  if (a.stat.type !== 'symlink' && a.stat.mode !== b.stat.mode) return false
  if (policy === 'composefs' && !(await sameXattrs(a, b))) return false
  switch (a.stat.type) {
    case 'file':
      return sameContent(a, b)
    case 'symlink':
      return (await a.tree.readlink(a.path)) === (await b.tree.readlink(b.path))
    default:
      return true
  }
}

async function sameXattrs(a: Side, b: Side): Promise<boolean> {
  const [x, y] = [await a.tree.xattrs(a.path), await b.tree.xattrs(b.path)]
  const equal = (one: Xattr, other: Xattr | undefined): boolean =>
    other !== undefined && one.name === other.name && Buffer.compare(one.value, other.value) === 0
  return x.length === y.length && x.every((xattr, i) => equal(xattr, y[i]))
}

async function sameContent(a: Side, b: Side): Promise<boolean> {
  if (a.stat.sizeBytes !== b.stat.sizeBytes) return false
  if (a.stat.sizeBytes === 0) return true
  // A hard link of the same file.
  if (a.stat.ino !== 0 && a.stat.ino === b.stat.ino && a.stat.dev === b.stat.dev) return true
  const right = b.tree.read(b.path)[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  try {
    for await (const chunk of a.tree.read(a.path)) {
      let left: Uint8Array = chunk
      while (left.length > 0) {
        if (rest.length === 0) {
          const next = await right.next()
          if (next.done === true) return false
          rest = next.value
        }
        const length = Math.min(left.length, rest.length)
        if (Buffer.compare(left.subarray(0, length), rest.subarray(0, length)) !== 0) return false
        left = left.subarray(length)
        rest = rest.subarray(length)
      }
    }
    return rest.length === 0 && (await right.next()).done === true
  } finally {
    await right.return?.()
  }
}
