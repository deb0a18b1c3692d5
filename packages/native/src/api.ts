/** Why the addon is or is not in use. */
export interface NativeStatus {
  readonly available: boolean
  /** `loaded from …`, or why not: `not built`, `disabled by BOOTC_SDK_NATIVE=0`, `unsupported platform …`. */
  readonly reason: string
  /** What SHA-256 runs on: `sha-ni`, `armv8`, `openssl`. */
  readonly sha256?: string
  readonly zstd?: string
  readonly zlib?: string
}

/** What the addon offers; `undefined` where it cannot be loaded. Every part has a JS twin elsewhere with equal results. */
export interface NativeAddon {
  readonly sys: NativeSys
  createDecoder(options: DecoderOptions): NativeDecoder
  createObjectWriter(options: ObjectWriterOptions): NativeObjectWriter
  /** Hard links, directories and attributes in bulk; see `CheckoutOp`. */
  createCheckout(options: CheckoutOptions): NativeCheckout
  /**
   * Move objects out of a staging directory: for each name `XX/REST.suffix` rename without replacing into
   * `objectsDir` (making XX when needed, an existing object wins and the staged one is removed), then fsync
   * every directory touched. `replace`: names that replace instead (`.commitmeta`). `sync` false: no fsync, for
   * callers that sync the file system afterwards.
   */
  publish(
    stagingDir: string,
    objectsDir: string,
    names: readonly string[],
    replace?: readonly string[],
    sync?: boolean,
  ): Promise<{ moved: number }>
  /** Read many whole files (metadata objects) in one go, each at most `maxBytes`; missing ones are undefined. */
  readFiles(dir: string, names: readonly string[], maxBytes: number): Promise<(Buffer | undefined)[]>
  /** One-shot compression for tests, fixtures and writers. */
  zstdCompress(data: Uint8Array, level: number): Buffer
  /**
   * Streaming compression into one frame, without pledged size and checksum: the bytes that libzstd's
   * `ZSTD_compressStream2` gives for the same input in any chunking (composefs.md §5.2).
   */
  createZstdEncoder(level: number): NativeZstdEncoder
  /**
   * Streaming raw deflate with the bytes of zlib 1.2/1.3 as published, level 1 or 6, on every processor. Absent in addons
   * that were built before it was there.
   */
  createDeflateEncoder?(level: 1 | 6): NativeDeflateEncoder
  /** fs-verity digest (4096-byte blocks, no salt) of bytes in memory, hex; hashed on the calling thread. */
  verityDigest(data: Uint8Array, algorithm: 1 | 2): string
  /**
   * fs-verity digests of whole files, computed in native threads; one big file is spread over them too. An
   * entry is the digest, or the error's code (`ENOENT`, `EIO` …) for a file that cannot be read, `EINVAL` for
   * what is no regular file, `TRUNCATED` for one that becomes shorter meanwhile. Default: 2 threads.
   */
  verityDigestFiles(
    paths: readonly string[],
    algorithm: 1 | 2,
    options?: { readonly threads?: number },
  ): Promise<({ readonly digest: string; readonly sizeBytes: number } | { readonly code: string })[]>
}

/** Synchronous; a chunk is compressed on the calling thread. */
export interface NativeZstdEncoder {
  /** Compressed bytes that are ready; often none. */
  push(chunk: Uint8Array): Buffer
  end(): Buffer
}

export interface NativeDeflateEncoder {
  /** Compressed bytes that are ready; often none. */
  push(chunk: Uint8Array): Buffer
  end(): Buffer
}

/** System calls that Node lacks. Synchronous unless they can block. Failures throw Errors with `code` and `errno` as Node's fs does. */
export interface NativeSys {
  /** openat2(2); `resolve` is a bit set of RESOLVE_*. Throws ENOSYS on old kernels. Returns an fd to be closed with fs.closeSync. */
  openat2(dirfd: number, path: string | Buffer, flags: number, mode: number, resolve: number): number
  /** renameat2(2) with RENAME_NOREPLACE (1) or RENAME_EXCHANGE (2). */
  renameat2(fromDir: number, from: string | Buffer, toDir: number, to: string | Buffer, flags: number): void
  /** linkat(2); `flags` may hold AT_EMPTY_PATH (0x1000) or AT_SYMLINK_FOLLOW (0x400). */
  linkat(fromDir: number, from: string | Buffer, toDir: number, to: string | Buffer, flags: number): void
  /** mknodat(2), for overlayfs whiteouts. */
  mknodat(dirfd: number, path: string | Buffer, mode: number, major: number, minor: number): void
  /** Extended attributes by path relative to an fd, never following a final link. */
  listxattr(dirfd: number, path: string | Buffer): Buffer[]
  getxattr(dirfd: number, path: string | Buffer, name: string | Buffer): Buffer | undefined
  setxattr(dirfd: number, path: string | Buffer, name: string | Buffer, value: Uint8Array): void
  removexattr(dirfd: number, path: string | Buffer, name: string | Buffer): void
  /** ioctl FICLONE. Throws EOPNOTSUPP, EXDEV, EINVAL where it cannot. */
  ficlone(sourceFd: number, targetFd: number): void
  /** FS_IOC_ENABLE_VERITY with version 1 and 4096-byte blocks; algorithm 1 = sha256, 2 = sha512. */
  enableVerity(fd: number, algorithm: 1 | 2): void
  /**
   * FS_IOC_MEASURE_VERITY; undefined when verity is not enabled on the file. Throws ENOTTY or EOPNOTSUPP where
   * the file system or the kernel has none; a directory may be asked.
   */
  measureVerity(fd: number): { algorithm: number; digest: Buffer } | undefined
  syncfs(fd: number): Promise<void>
  /** statfs magic number and f_bfree/f_bavail/f_blocks in bytes. */
  statfs(fd: number): { type: number; freeBytes: number; availableBytes: number; totalBytes: number }
  /** flock(2) on any fd, or F_OFD_SETLK for `ofd`. False when another holder has it (never blocks). */
  tryLock(fd: number, kind: 'flock' | 'ofd', exclusive: boolean): boolean
  unlock(fd: number, kind: 'flock' | 'ofd'): void
  /** FS_IMMUTABLE_FL through FS_IOC_GETFLAGS/SETFLAGS. */
  setImmutable(fd: number, immutable: boolean): void
  getImmutable(fd: number): boolean
  /** utimensat with AT_SYMLINK_NOFOLLOW; seconds and nanoseconds. */
  utimens(dirfd: number, path: string | Buffer, seconds: number, nanoseconds: number): void
  fchmodat(dirfd: number, path: string | Buffer, mode: number): void
  fchownat(dirfd: number, path: string | Buffer, uid: number, gid: number): void
}

export interface DecoderOptions {
  /** Decided by magic when `auto` (1f 8b: gzip, 28 b5 2f fd or a skippable frame: zstd, else none). */
  readonly compression?: 'auto' | 'gzip' | 'zstd' | 'none'
  /** Bytes of one block; default 1 MiB. */
  readonly blockBytes?: number
  /** Blocks in the pool; default 12. The decoder waits while all are in use. */
  readonly blocks?: number
  /** Fails with code `LIMIT` beyond; default 64 GiB. */
  readonly maxOutputBytes?: number
}

/**
 * Decompresses on its own thread into a fixed pool of blocks outside the JS heap and hashes both sides
 * (SHA-256). Gzip: all members, trailing zero bytes accepted, other trailing garbage is an error. Zstd: all
 * frames, skippable ones ignored, window at most 128 MiB.
 */
export interface NativeDecoder {
  /** Feed compressed bytes; resolves when more are wanted (back-pressure). Bytes are copied or held. */
  push(chunk: Uint8Array): Promise<void>
  end(): void
  /** Instead of push: the decoder reads a file itself. */
  readFile(path: string, offsetBytes: number, sizeBytes: number): void
  /**
   * Next block, or undefined after the last. `buffer` is a view of pool memory valid until `release(slot)`;
   * object writers hold slots on their own account. @throws Error with code `CORRUPT`, `LIMIT`, `TRUNCATED`
   */
  next(): Promise<{ buffer: Buffer; slot: number } | undefined>
  release(slot: number): void
  /** After the last block: hex digests and byte counts. */
  result(): {
    compressedSha256: string
    compressedBytes: number
    uncompressedSha256: string
    uncompressedBytes: number
  }
  /** Stop threads, free memory when no writer holds a slot any more. Idempotent; also ends a pending `next`. */
  close(): void
}

export interface ObjectWriterOptions {
  /** Objects are made here as `XX/REST<suffix>`; directories XX on demand (mode 0775). */
  readonly stagingDir: string
  /** Object roots where an object may exist already (then nothing is written). */
  readonly existing: readonly string[]
  /** Worker threads; default 2. Objects are spread over them; one object stays on one thread. */
  readonly threads?: number
  /** `put`/`data` make `drain()` necessary beyond this many queued bytes; default 32 MiB. */
  readonly maxQueuedBytes?: number
}

/** How an object's file is made once its bytes are there. */
export interface ObjectSpec {
  /** Hashed before the content, not written: OSTree's file header. */
  readonly hashPrefix: Uint8Array
  /** Written before the content, not hashed (`.filez` headers). */
  readonly filePrefix?: Uint8Array
  /** Content is written as raw deflate of this level (archive mode); the hash is over the plain bytes. */
  readonly deflateLevel?: number
  /** Content is the target of a symbolic link to be made instead of a file (bare modes). */
  readonly symlinkTarget?: Uint8Array
  /** Hash the symlink's header only: content of `hashPrefix` is all. */
  readonly suffix: string
  /** Permission bits for fchmod. */
  readonly mode: number
  /** Omit to leave the caller's. */
  readonly uid?: number
  readonly gid?: number
  /** Packed: for each attribute u16le name length, name, u32le value length, value. */
  readonly xattrs?: Uint8Array
  /** Set atime and mtime to 0. */
  readonly zeroMtime?: boolean
  /**
   * fs-verity: also compute the digest. `enable`: after the file is complete and no writer is open, enable it
   * in the kernel and compare what it measures; a file system that cannot fails with its code (`EOPNOTSUPP`,
   * `ENOTTY`), an unequal digest with `CORRUPT`. What keeps a writer open for more than a second: `ETXTBSY`.
   */
  readonly verity?: { readonly algorithm: 1 | 2; readonly enable: boolean }
  /**
   * What the object is named by. `sha256` (default): over prefix and content. `verity`: the fs-verity digest;
   * no other hash is computed, `checksum` is empty, names are `XX/REST` of that digest, and an object that
   * exists already counts only with equal size. Then no prefixes, deflateLevel or symlinkTarget.
   */
  readonly identity?: 'sha256' | 'verity'
}

export interface WrittenObject {
  /** SHA-256 over prefix and content, hex; empty when named by verity. */
  readonly checksum: string
  /** Bytes of content. */
  readonly sizeBytes: number
  /** False when the object existed already. */
  readonly isNew: boolean
  /** Name relative to the staging directory, when new. */
  readonly name?: string
  /**
   * Named by verity, and a file of this name but another size is in one of the roots (a write that was cut off):
   * give the name to `publish` in `replace`. A size alone is looked at; what wrong bytes are is for fsck.
   */
  readonly replaces?: true
  readonly verityDigest?: string
}

export interface NativeObjectWriter {
  /**
   * Whole object in one chunk: `buffer[start, end)`. Returns its id (0, 1, 2 …). Buffers of a NativeDecoder are
   * held, others copied. A spec named by verity is read once as long as the same one is given, when it is frozen
   * and its `verity` too; that halves the cost of the call.
   */
  put(spec: ObjectSpec, buffer: Uint8Array, start: number, end: number): number
  /** Object in several chunks. */
  begin(spec: ObjectSpec): number
  data(id: number, buffer: Uint8Array, start: number, end: number): void
  end(id: number): void
  /** Resolves when less than half of `maxQueuedBytes` is queued. Rejects with the first error of any object. */
  drain(): Promise<void>
  /** True when `drain()` should be awaited before putting more. */
  readonly full: boolean
  /**
   * Results of the next objects in order that are complete and were not taken yet. Never waits. An object that
   * is not new may be one that another thread is still making: publish after `finish` only.
   */
  take(): WrittenObject[]
  /**
   * Wait for everything; results by id, of all that were not taken.
   * @throws the first error (ENOSPC, EIO …) with `code` as Node's fs
   */
  finish(): Promise<WrittenObject[]>
  /** Stop, remove partial files. Idempotent. */
  close(): void
}

export interface CheckoutOptions {
  /** Existing directory that becomes the root of the checkout. */
  readonly targetDir: string
  /** Directory that sources of links are relative to (`objects`). */
  readonly objectsDir: string
  readonly threads?: number
  /**
   * Links to empty files, and to objects near the file system's limit of links, become copies with the
   * object's own owner, mode and xattrs (all empty files of an image would share one inode).
   */
  readonly copyEmpty?: boolean
}

/**
 * A plan of directories and files in depth-first order, executed with at-calls on directory fds in native
 * threads. Directories are made 0700 and get owner, mode, xattrs and mtime when they are complete.
 */
export interface NativeCheckout {
  /** Enter a new directory below the current one. `existing`: it may be there already (union). */
  enter(name: string, meta: CheckoutMeta, existing?: boolean): void
  leave(): void
  /** Hard-link an object; falls back to a copy with `meta` on EMLINK and EXDEV when `meta` is given. */
  link(name: string, object: string, meta?: CheckoutMeta): void
  /** Copy content of an object (reflink where possible). */
  copy(name: string, object: string, meta: CheckoutMeta): void
  symlink(name: string, target: string, meta: CheckoutMeta): void
  /** An empty file. */
  empty(name: string, meta: CheckoutMeta): void
  /** Run everything; rejects with the first error. */
  run(options?: { onProgress?: (done: number) => void }): Promise<{ entries: number }>
}

export interface CheckoutMeta {
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
  /** Packed as in `ObjectSpec`. */
  readonly xattrs?: Uint8Array
  /** Seconds; omit for the current time. */
  readonly mtime?: number
}
