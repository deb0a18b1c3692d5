import type { Digest } from '../interfaces/index.js'

/**
 * Where bound images come from when a system is installed: from podman's storage on this machine (`stored`), from
 * where their names say (`pull`), or not at all.
 */
export type BoundMode = 'stored' | 'pull' | 'skip'

/** An image that a deployment is bound to. */
export interface BoundImageFacts {
  /** As its unit names it. */
  readonly image: string
  /** Link in `/usr/lib/bootc/bound-images.d`. */
  readonly file: string
  readonly manifestDigest: Digest
  /** False: was there before. */
  readonly fetched: boolean
  readonly bytesFetched: number
}

/** An image that a deployment is bound to, and whether it is there. Plain data. */
export interface BoundImageState {
  readonly image: string
  readonly file: string
  /** Absent: it is not in the storage. */
  readonly manifestDigest?: Digest
}

/** Plain data. */
export interface BoundImagesResult {
  readonly images: readonly BoundImageFacts[]
  readonly bytesFetched: number
}
