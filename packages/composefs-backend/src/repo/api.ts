import type { Bytes, Dir, OpOptions, ReadTree } from '@bootc-sdk/core'
import type { ErofsVersion, ObjectId, VerityAlgorithm } from '../format/types.js'
import type { FileTree } from '../tree/inode.js'

/** What meta.json says, and what was found about fs-verity (composefs.md §4.2). */
export interface RepoMeta {
  readonly algorithm: VerityAlgorithm
  /** Version of images made at every commit; 0 is read, never made by `initRepo`. */
  readonly erofsVersion: ErofsVersion
  readonly extraErofsVersions: readonly ErofsVersion[]
  /** Why it cannot be written: an unknown read-only-compatible feature, or the file system. */
  readonly readOnlyReason?: string
}

/**
 * `required`: meta.json itself has kernel fs-verity, so every object must have it. `optional`: objects get it
 * where the file system can, and its absence is no fault; `enforceable` says whether it can here.
 */
export type VerityState =
  { readonly mode: 'required' } | { readonly mode: 'optional'; readonly enforceable: boolean }

/** A composefs repository. Holds the shared lock from open to dispose. Paths below are relative to it. */
export interface ComposefsRepo extends AsyncDisposable {
  readonly dir: Dir
  readonly meta: RepoMeta
  readonly verity: VerityState

  /** Is the object there? With `sizeBytes`, an object of another size counts as absent (cut-off writes). */
  hasObject(id: ObjectId, sizeBytes?: number): Promise<boolean>
  objectSize(id: ObjectId): Promise<number | undefined>
  /** @throws `STORE_COMPOSEFS_NO_OBJECT`; a required verity that is missing: `STORE_COMPOSEFS_VERITY` */
  openObject(id: ObjectId, range?: { start: number; end?: number }): Bytes
  /** Whole object, digest checked. @throws `STORE_COMPOSEFS_NO_OBJECT`, `STORE_COMPOSEFS_CORRUPT` */
  readObject(id: ObjectId, maxBytes: number): Promise<Buffer>
  listObjects(): AsyncIterable<{ readonly id: ObjectId; readonly sizeBytes: number }>

  /** Object behind `streams/<contentId>`. */
  stream(contentId: string): Promise<ObjectId | undefined>
  listStreams(): AsyncIterable<{ readonly contentId: string; readonly id: ObjectId }>
  /** Open a splitstream by object id. @throws `STORE_COMPOSEFS_BAD_STREAM` */
  openStream(id: ObjectId): Promise<SplitstreamReader>
  /** Object behind `images/<id>`: true when the image is listed. */
  hasImage(id: ObjectId): Promise<boolean>
  listImages(): AsyncIterable<ObjectId>
  /** References: `oci/<encoded tag>` below streams/refs, or names below images/refs; value = last path component. */
  readRef(kind: 'streams' | 'images', name: string): Promise<string | undefined>
  listRefs(
    kind: 'streams' | 'images',
    prefix?: string,
  ): AsyncIterable<{ readonly name: string; readonly target: string }>

  /** @throws `STORE_COMPOSEFS_READ_ONLY` */
  begin(options?: OpOptions): Promise<RepoTransaction>
  /**
   * Delete what is reachable from no ref, no `roots.images` and no `roots.streams` (content ids). Takes the
   * lock exclusively. Never while a transaction of this object is open.
   */
  gc(
    roots?: { readonly images?: Iterable<ObjectId>; readonly streams?: Iterable<string> },
    options?: OpOptions & { readonly dryRun?: boolean; readonly timeoutMs?: number },
  ): Promise<GcResult>
  fsck(options?: OpOptions & { readonly metadataOnly?: boolean }): Promise<RepoFsck>
}

export interface GcResult {
  readonly objects: number
  readonly bytes: number
  readonly images: number
  readonly streams: number
  /**
   * What was not understood and left alone. When something that is alive cannot be read (a damaged stream or
   * image), it is listed here and nothing was deleted.
   */
  readonly problems: readonly { readonly kind: string; readonly path: string; readonly message: string }[]
}

/** `cfsctl fsck` words: kinds as in composefs.md §4.5. */
export interface RepoFsck {
  readonly metadata: boolean
  readonly objects: { readonly checked: number; readonly bad: number }
  readonly streams: { readonly checked: number; readonly bad: number }
  readonly images: { readonly checked: number; readonly bad: number }
  readonly brokenLinks: number
  readonly missingObjects: number
  readonly problems: readonly { readonly kind: string; readonly path: string; readonly message: string }[]
}

/**
 * Objects, images, streams and refs that become visible together: objects are staged, synced and published
 * by `commit`, then images, streams, refs in this order, each group synced before the next. Dispose without
 * commit: nothing is visible, staging is removed.
 */
export interface RepoTransaction extends AsyncDisposable {
  /** Store small bytes. Resolves with the id; the object is there after `commit`. */
  putObject(data: Uint8Array): Promise<ObjectId>
  /** Store a file: reflink where the file system can, else a copy. `hostPath` must not change meanwhile. */
  putFile(source: { readonly tree: ReadTree; readonly path: string; readonly hostPath?: string }): Promise<{
    id: ObjectId
    sizeBytes: number
  }>
  /** Bulk writer for the files of a layer: native threads where there is an addon. Several may be open. */
  objects(): ObjectWriter
  /** Start a splitstream; `contentType` is a 64-bit number (composefs.md §5.1). */
  splitstream(contentType: bigint): SplitstreamWriter
  /** Serialize a tree as an image of `version` (default the repository's), store and list it in images/. */
  putImage(tree: FileTree, version?: ErofsVersion): Promise<ObjectId>
  setStream(contentId: string, id: ObjectId): void
  setRef(kind: 'streams' | 'images', name: string, target: string | undefined): void
  /** Publish objects, images and streams so far without ending the transaction (a layer that is complete). */
  flush(): Promise<void>
  /** @throws `STORE_COMPOSEFS_TRANSACTION_DONE`, `STORE_NO_SPACE` */
  commit(): Promise<void>
}

/** Many objects at once; ids are known some time after their bytes were given. */
export interface ObjectWriter {
  /** A whole file in one piece. Returns its number: 0, 1, 2 … */
  put(data: Uint8Array): number
  begin(sizeBytes: number): number
  data(index: number, chunk: Uint8Array): void
  end(index: number): void
  /** Await `drain()` before putting more when true. */
  readonly full: boolean
  drain(): Promise<void>
  /** Ids of the next objects in order that are known by now and were not taken yet. */
  take(): readonly ObjectId[]
  /** Wait for all; the ids not taken yet, in order. */
  finish(): Promise<readonly ObjectId[]>
  close(): void
}

/** Writes inline bytes and references in order; adjacent inline data is merged. */
export interface SplitstreamWriter {
  inline(data: Uint8Array): void
  /** Object content of `sizeBytes` stands here. */
  external(id: ObjectId, sizeBytes: number): void
  /** Link another stream or image by name; order of first use is kept. */
  namedRef(name: string, id: ObjectId): void
  /** Store it as an object; give the id to `setStream`. */
  finish(): Promise<ObjectId>
}

export interface SplitstreamReader {
  readonly contentType: bigint
  /** Bytes of the original. */
  readonly sizeBytes: number
  readonly objectRefs: readonly ObjectId[]
  readonly streamRefs: readonly ObjectId[]
  readonly namedRefs: ReadonlyMap<string, ObjectId>
  /** Pieces in order; decompression is bounded and streamed. */
  pieces(): AsyncIterable<
    { readonly inline: Uint8Array } | { readonly object: ObjectId; readonly index: number }
  >
  /** The original bytes. */
  read(): Bytes
}
