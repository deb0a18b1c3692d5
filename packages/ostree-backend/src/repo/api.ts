import type { Bytes, Dir, OpOptions, ReadTree, Xattr } from '@bootc-sdk/core'

export type RepoMode = 'bare' | 'bare-user' | 'bare-user-only' | 'archive' | 'bare-split-xattrs'
export type MetadataType = 'commit' | 'dirtree' | 'dirmeta'
export type ObjectType = 'file' | MetadataType | 'commitmeta' | 'tombstone-commit'

/** Owner, mode (with file type bits) and attributes: a dirmeta object, or the header of a file object. */
export interface ObjectMeta {
  readonly uid: number
  readonly gid: number
  /** With type bits: 0o040755, 0o100644, 0o120777. */
  readonly mode: number
  /** Sorted by name bytes, no duplicates. */
  readonly xattrs: readonly Xattr[]
}

/** What a file object's checksum covers besides content. */
export interface FileHeader extends ObjectMeta {
  /** Symbolic links only. */
  readonly symlinkTarget?: string
}

export interface DirTree {
  /** Sorted by name bytes; symbolic links are among them. */
  readonly files: readonly { readonly name: string; readonly checksum: string }[]
  readonly dirs: readonly { readonly name: string; readonly tree: string; readonly meta: string }[]
}

/** A commit object, decoded. `metadata` keeps order and unknown types. */
export interface Commit {
  readonly metadata: VariantDict
  readonly parent?: string
  readonly subject: string
  readonly body: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly rootTree: string
  readonly rootMeta: string
}

/** An `a{sv}`: key, GVariant type string, value in the natural JS form of that type (`u`/`i`: number, `t`/`x`: bigint, `s`: string, `ay`: Uint8Array, `as`: string[] …). */
export type VariantDict = readonly (readonly [key: string, value: Variant])[]
export interface Variant {
  readonly type: string
  readonly value: unknown
}

/** An OSTree repository on a Dir. Reading takes no lock. */
export interface OstreeRepo {
  readonly dir: Dir
  readonly mode: RepoMode
  /** Text values of `config`, `group.key`; undefined when unset. */
  config(group: string, key: string): string | undefined
  setConfig(changes: readonly { group: string; key: string; value: string | undefined }[]): Promise<void>

  has(type: ObjectType, checksum: string): Promise<boolean>
  /** Verified against its name. @throws `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT` */
  readMetadata(type: MetadataType, checksum: string): Promise<Uint8Array>
  readCommit(checksum: string): Promise<Commit>
  readDirTree(checksum: string): Promise<DirTree>
  /** Many at once (one native call); same order. */
  readDirTrees(checksums: readonly string[]): Promise<DirTree[]>
  readDirMeta(checksum: string): Promise<ObjectMeta>
  readDetached(commit: string): Promise<VariantDict | undefined>
  isPartial(commit: string): Promise<boolean>
  fileHeader(checksum: string): Promise<FileHeader & { readonly sizeBytes: number }>
  fileContent(checksum: string): Bytes
  /** The root of a commit as a tree. */
  openCommit(checksum: string): Promise<ReadTree>

  /** Refs as `ostree refs` names them: heads `a/b`, remotes `remote:a/b`. */
  listRefs(prefix?: string): Promise<ReadonlyMap<string, string>>
  /** Commit checksum, unique prefix, ref, `remote:ref`, `REV^`. */
  resolveRev(rev: string): Promise<string | undefined>

  /** Shared repository lock, staging directory, refs at the end; disposing without `commit` undoes all. */
  begin(options?: OpOptions): Promise<RepoTransaction>

  checkout(commit: string, target: Dir, options?: CheckoutOptions): Promise<{ entries: number }>
  prune(options?: PruneOptions): Promise<{ total: number; pruned: number; bytes: number }>
}

export interface CheckoutOptions extends OpOptions {
  /** Directory to make below `target`; its parent exists. */
  readonly path: string
  /** `none`: owners, modes, xattrs restored; `user`: the caller's, no setuid. Default by repository mode. */
  readonly mode?: 'none' | 'user'
  readonly overwrite?: 'none' | 'union-files' | 'add-files' | 'union-identical'
  readonly subpath?: string
  readonly forceCopy?: boolean
  readonly hardlinksOnly?: boolean
  /** `.wh.NAME` deletes, `.wh..wh..opq` clears. */
  readonly whiteouts?: boolean
  /** `.ostree-wh.NAME` becomes a 0:0 character device. Always on for deployments. */
  readonly passthroughWhiteouts?: boolean
}

export interface PruneOptions extends OpOptions {
  /** Roots besides refs. */
  readonly keep?: readonly string[]
  /** Roots are refs (and `keep`) only, not every commit present. Default false. */
  readonly refsOnly?: boolean
  /** Parents to follow; -1 all. Default -1. */
  readonly depth?: number
  /** Count only. */
  readonly dryRun?: boolean
}

export interface RepoTransaction extends AsyncDisposable {
  /** Write a metadata object unless present; returns its checksum. */
  writeMetadata(type: MetadataType, bytes: Uint8Array): Promise<string>
  /** Many at once, in order. */
  writeMetadataBatch(objects: readonly { type: MetadataType; bytes: Uint8Array }[]): Promise<string[]>
  /** Content objects, streamed; native threads where the addon and a host path are there. */
  content(): ContentWriter
  /** Replaces what is there. */
  writeDetached(commit: string, metadata: VariantDict): Promise<void>
  /** At commit; undefined deletes. */
  setRef(ref: string, checksum: string | undefined): void
  markPartial(commit: string, partial: boolean): Promise<void>
  /** Everything durable, then visible, then refs. */
  commit(): Promise<{ objects: number; bytes: number }>
}

/**
 * Writes file objects of the repository's mode. Synchronous pushes; await `drain()` when `full`. Used by one
 * stream at a time; several writers may live in one transaction.
 */
export interface ContentWriter {
  /** A whole object in one piece; returns an id. `data` may be a lease's memory: it is held or copied before returning. */
  put(header: FileHeader, data: Uint8Array): number
  /** An object in several pieces of `sizeBytes` in all. */
  begin(header: FileHeader, sizeBytes: number): number
  data(id: number, chunk: Uint8Array): void
  end(id: number): void
  readonly full: boolean
  drain(): Promise<void>
  /** Checksums by id. @throws `STORE_NO_SPACE` … ; afterwards the writer may not be used */
  finish(): Promise<readonly string[]>
  close(): void
}
