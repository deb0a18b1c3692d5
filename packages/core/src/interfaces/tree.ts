import type { Bytes, OpOptions } from './common.js'

export type EntryType = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket'

/** What lstat(2) says of an entry. */
export interface Stat {
  readonly type: EntryType
  /** Permission bits only, 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes; for symbolic links the length of the target. */
  readonly sizeBytes: number
  /** Seconds since the epoch, fraction kept. */
  readonly mtime: number
  readonly nlink: number
  /** Device and inode number: equal pairs are hard links of one file. 0 where unknown. */
  readonly dev: number
  readonly ino: number
}

/** An extended attribute. Names are UTF-8, values any bytes. */
export interface Xattr {
  readonly name: string
  readonly value: Uint8Array
}

/**
 * A read-only view of an image, a deployment, an /etc or a directory.
 *
 * Paths are relative, POSIX, without a leading or trailing `/` and without `.` or `..`; `''` is the root.
 * Bytes of a name that are not UTF-8 are carried as U+DC80–U+DCFF (see `core/names`), so names round-trip.
 */
export interface ReadTree {
  /** lstat; `undefined` when absent. @throws BootcError `TREE_INVALID_PATH`, `TREE_ESCAPE`, `TREE_IO` */
  stat(path: string): Promise<Stat | undefined>
  /** Entries of a directory in byte order of their names. @throws `TREE_NOT_FOUND`, `TREE_NOT_DIRECTORY` */
  list(path: string): AsyncIterable<{ readonly name: string; readonly stat: Stat }>
  /** Content of a regular file; `range` in bytes, `end` exclusive. @throws `TREE_NOT_FOUND` */
  read(path: string, range?: { start: number; end?: number }): Bytes
  readlink(path: string): Promise<string>
  /** Extended attributes of an entry (never following a link), sorted by name; empty where unsupported. */
  xattrs(path: string): Promise<readonly Xattr[]>
}

/** Attributes given to a new entry. What is left out stays as the system makes it (umask does not apply). */
export interface Meta {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly xattrs?: readonly Xattr[]
  /** Seconds since the epoch. */
  readonly mtime?: number
}

export interface WriteOptions extends Meta {
  /** Default `replace`. `fail`: throw `TREE_EXISTS` and leave the entry alone. */
  readonly ifExists?: 'replace' | 'fail'
  /**
   * Default true: temporary name in the same directory, then rename, so readers see the whole file or none.
   * `false` where nobody can look yet (staging directories).
   */
  readonly atomic?: boolean
}

/** What a directory can do; frozen. A method marked optional is present exactly when its flag is set. */
export interface DirSupports {
  readonly xattrs: boolean
  /** Owners other than the caller's can be set. */
  readonly chown: boolean
  readonly symlink: boolean
  readonly hardlink: boolean
  /** `rename(…, { exchange: true })`. */
  readonly exchange: boolean
  readonly reflink: boolean
  /** fs-verity can be enabled on files. */
  readonly verity: boolean
  readonly immutable: boolean
  /** Locks are the kernel's (OFD on files, flock on directories), so other programs are excluded too. */
  readonly kernelLocks: boolean
}

/**
 * The only way to change files. Implementations: Node (`core/node`), memory and fault-injecting
 * (`core/testing`). No path leaves the root, whatever symbolic links lie on the way: intermediate links are
 * refused with `TREE_ESCAPE`, not followed.
 *
 * Nothing is durable before `sync()`.
 */
export interface Dir extends ReadTree {
  readonly supports: DirSupports
  /** Absolute host path, to hand to a program or the native addon. Absent in memory. */
  readonly hostPath?: string
  /**
   * Absolute host path of a directory of which this object knows more than the disk says. Content may be read and
   * hard-linked there, and entries made that belong to root; all else goes through this object. Absent where `hostPath`
   * is there.
   */
  readonly contentPath?: string
  /** @throws `TREE_EXISTS`, `TREE_NOT_FOUND` (parent) */
  mkdir(path: string, meta?: Meta): Promise<void>
  write(path: string, data: Uint8Array | Bytes, options?: WriteOptions): Promise<void>
  /** @throws `TREE_EXISTS` */
  symlink(target: string, path: string, meta?: Meta): Promise<void>
  /** Hard link; never follows `from` when it is a symbolic link. @throws `TREE_EXISTS` */
  link(from: string, to: string): Promise<void>
  /**
   * A device or a pipe; a character device 0:0 is overlayfs's mark for what it hides, and takes no rights to make.
   * Absent where there is no way to make one. @throws `TREE_EXISTS`, `TREE_PERMISSION`
   */
  mknod?(path: string, node: SpecialNode, meta?: Meta): Promise<void>
  /** Atomic; replaces files and empty directories. `noReplace` throws `TREE_EXISTS` instead. */
  rename(from: string, to: string, options?: { exchange?: boolean; noReplace?: boolean }): Promise<void>
  /** Recursive, clears immutable flags it meets, never follows links; absent is fine. */
  remove(path: string): Promise<void>
  /** Change attributes of an existing entry (never following a link). `xattrs` replaces the whole set. */
  setMeta(path: string, meta: Meta): Promise<void>
  /** All writes below this directory so far survive a power cut (syncfs or equivalent). */
  sync(): Promise<void>
  space(): Promise<{ freeBytes: number; totalBytes: number }>
  /**
   * Lock an entry until disposed. A file is created when missing (mode 0660) and locked with open file
   * description locks, as libostree does; a directory with flock.
   * @throws `TREE_LOCKED` after `timeoutMs` (0: at once; default: wait for ever)
   */
  lock(path: string, options: LockOptions): Promise<AsyncDisposable>
  /** FS_IMMUTABLE_FL on a directory or file. Present when `supports.immutable`. */
  setImmutable?(path: string, immutable: boolean): Promise<void>
  /**
   * Enable fs-verity on a regular file: 4096-byte blocks, no salt; its content can never change again. `already`
   * when it has verity, of whatever algorithm. Present when `supports.verity`.
   * @throws `TREE_UNSUPPORTED`, `TREE_NOT_FILE`; `TREE_IO` when somebody keeps it open for writing (ETXTBSY)
   */
  enableVerity?(path: string, algorithm: VerityMeasurement['algorithm']): Promise<'enabled' | 'already'>
  /** What the kernel enforces; undefined for a file without verity. Present when `supports.verity`. */
  measureVerity?(path: string): Promise<VerityMeasurement | undefined>
  /** Copy a regular file's content by reference where possible (FICLONE), else by bytes. */
  copy(from: string, to: string, options?: WriteOptions): Promise<void>
  /** A view of a directory below this one, with its own root. @throws `TREE_NOT_FOUND` */
  sub(path: string): Dir
}

/** What `Dir.mknod` makes. Numbers as in the headers of archives; 0 for pipes. */
export interface SpecialNode {
  readonly type: 'char' | 'block' | 'fifo'
  readonly major: number
  readonly minor: number
}

/** fs-verity of a file as the kernel knows it. */
export interface VerityMeasurement {
  readonly algorithm: 'sha256' | 'sha512'
  /** Lower-case hex. */
  readonly digest: string
}

export interface LockOptions extends OpOptions {
  readonly exclusive: boolean
  readonly timeoutMs?: number
}
