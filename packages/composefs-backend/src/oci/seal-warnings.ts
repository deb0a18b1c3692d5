import type { ImageConfig, Warning } from '@bootc-sdk/core'
import { sealLabel } from '../boot/seal.js'
import type { ObjectId } from '../format/types.js'

export function sealOf(config: ImageConfig | undefined): string | undefined {
  return config?.config?.Labels?.[sealLabel]
}

/**
 * A sealed image whose digest is none of the images that were made. That is no error here: what is sealed may
 * be an image of another kind (attributes, format version), and nothing boots by the label.
 */
export function sealWarnings(config: ImageConfig, images: ReadonlyMap<string, ObjectId>): Warning[] {
  const expected = sealOf(config)
  if (expected === undefined || [...images.values()].includes(expected.toLowerCase())) return []
  return [
    {
      code: 'image:seal-mismatch',
      message: `the image says that its root has the digest ${expected}; no image that was made here has it`,
      details: { expected, images: Object.fromEntries(images) },
    },
  ]
}
