/** fs-verity hash; with 4096-byte blocks and no salt, as everywhere in composefs. */
export type VerityAlgorithm = 'sha256' | 'sha512'

/** fs-verity digest, lower-case hex: 64 or 128 digits. It names an object. */
export type ObjectId = string

/** composefs_version in the header of an image. New stores write 1. */
export type ErofsVersion = 0 | 1 | 2

export const digestBytes: Readonly<Record<VerityAlgorithm, 32 | 64>> = { sha256: 32, sha512: 64 }

/** Number of the algorithm in the kernel's interface and in metacopy attributes. */
export const algorithmNumber: Readonly<Record<VerityAlgorithm, 1 | 2>> = { sha256: 1, sha512: 2 }

/** `xx/rest`: where an object lies below `objects`. */
export function objectPath(id: ObjectId): string {
  return `${id.slice(0, 2)}/${id.slice(2)}`
}
