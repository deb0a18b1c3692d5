import type { Bytes, Digest, OpOptions } from './common.js'
import type { ImageReference } from '../oci/reference.js'
import type { Descriptor } from '../oci/types.js'
import type { ResolvedImage } from './transport.js'

/** A manifest or index, as it is served. */
export interface RawDocument {
  readonly bytes: Uint8Array
  readonly digest: Digest
  readonly mediaType: string
}

/** What a reference names before a platform is chosen, with everything below it: for copying all of it. */
export interface RawImage {
  readonly reference: ImageReference
  readonly servedBy?: ResolvedImage['servedBy']
  readonly top: RawDocument
  /** A manifest or index that an index names; digest and size are checked. */
  document(descriptor: Descriptor, options?: OpOptions): Promise<RawDocument>
  /** A config or layer, unchecked. */
  blob(descriptor: Descriptor, options?: OpOptions & { range?: { start: number; end: number } }): Bytes
  /** Manifests whose subject this one is. Absent: the source knows of none. */
  referrers?(digest: Digest, options?: OpOptions): Promise<readonly Descriptor[]>
  /** What another tag of the same repository names; undefined when there is none. Absent: there are no tags. */
  tagged?(tag: string, options?: OpOptions): Promise<RawDocument | undefined>
}
