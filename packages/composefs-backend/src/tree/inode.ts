/**
 * Bytes as a string, one character (U+0000 to U+00FF) a byte: names, link targets, attribute names and
 * values. Comparing and sorting such strings is comparing bytes, and V8 keeps them in one byte a character.
 * Names of `ReadTree` (surrogateescape) are converted at the border by `toBytes`/`fromBytes` of `tree/names`.
 */
export type ByteString = string

/** An integer of up to 64 bits: a number where that is exact, a bigint beyond. */
export type Int64 = number | bigint

/** Extended attributes by full name; `undefined` stands for none. */
export type Xattrs = ReadonlyMap<ByteString, ByteString>

/**
 * A file of any type. An inode that several names lead to is one object in several directories.
 *
 * One class with all fields, so that a tree of a million stays small and quick; which fields have a meaning
 * is said by the type bits of `mode`.
 */
export class Inode {
  /** st_mode with the type bits (S_IFMT). */
  mode: number
  uid = 0
  gid = 0
  /** Seconds since the epoch, may be negative. */
  mtimeSec: Int64 = 0
  mtimeNsec = 0
  /** As the source says; builders of trees count it. 0: not known yet. */
  nlink = 0
  /** Character and block devices: dev_t in the kernel's 32-bit encoding. */
  rdev = 0
  /** Regular files: bytes of content, whether inline, external or sparse. 0 otherwise. */
  size: Int64 = 0
  xattrs: Xattrs | undefined = undefined
  /** Symbolic links. */
  target: ByteString = ''
  /** Regular files whose content is in the image; its length is `size`. */
  content: Uint8Array | undefined = undefined
  /** Regular files outside the image: fs-verity digest, lower-case hex; '' when none is known. */
  digest = ''
  /** Path of the object below the store, as found (`xx/rest`); '' when none. */
  payload: ByteString = ''
  /** Directories: entries by name, in no particular order. */
  children: Map<ByteString, Inode> | undefined = undefined

  constructor(mode: number) {
    this.mode = mode
  }
}

/** A file system tree; the root is a directory. */
export interface FileTree {
  readonly root: Inode
  /**
   * Which name owns an inode with several names, where the source says so (dump files: the line that is not
   * a link). Decides the order of inodes in images that mkcomposefs writes. Default: the first name in a
   * depth-first walk in byte order.
   */
  readonly owners?: ReadonlyMap<Inode, { readonly parent: Inode; readonly name: ByteString }>
}

export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000

/** A new directory with no entries. */
export function directory(permissions = 0o755): Inode {
  const inode = new Inode(S_IFDIR | permissions)
  inode.children = new Map()
  return inode
}

export function isDirectory(inode: Inode): inode is Inode & { children: Map<ByteString, Inode> } {
  return (inode.mode & S_IFMT) === S_IFDIR
}

/** Entries of a directory in byte order of their names. */
export function sortedChildren(inode: Inode): [ByteString, Inode][] {
  return [...(inode.children ?? [])].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
