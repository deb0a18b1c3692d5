import type { ImageReference, ResolvedImage } from '@bootc-sdk/core'
import type { BuiltImage } from '@bootc-sdk/core/testing'

/** What a transport says of a built image. */
export function resolvedOf(image: BuiltImage, reference: ImageReference): ResolvedImage {
  const { manifestDigest, manifest, manifestBytes, manifestMediaType, config } = image
  const { configDigest, configBytes } = image
  return {
    ...{ reference, manifestDigest, manifest, manifestBytes, manifestMediaType },
    ...{ config, configDigest, configBytes },
  }
}
