import { badImage } from '../errors.js'

/**
 * What one pass over an image may cost. Nothing in an image of ours is used twice, so the parts of all its
 * inodes together are never more bytes than the image; one that lets many inodes claim the same bytes, to
 * make readers work and allocate far beyond its size, is refused as soon as the sum shows it.
 */
export class Work {
  #left: number

  constructor(imageBytes: number) {
    this.#left = imageBytes
  }

  /** @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` */
  spend(bytes: number, offset: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw badImage('several inodes claim the same bytes', { offset })
  }
}
