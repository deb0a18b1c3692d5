import type { DeploymentImage, StoredImage } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import type { ImageConfig, ImageManifest } from '../oci/types.js'
import type { Digest } from '../interfaces/index.js'
import type { ImageFacts } from './types.js'

/** Version text of an image: its labels in bootc's order (bootc.md §3). */
export function imageVersion(config: ImageConfig): string | undefined {
  const labels = config.config?.Labels
  return labels?.['org.opencontainers.image.version'] ?? labels?.['version']
}

/** RFC 3339: label, else the config's own field. */
export function imageCreated(config: ImageConfig): string | undefined {
  return config.config?.Labels?.['org.opencontainers.image.created'] ?? config.created
}

export function factsOfImage(
  image: Pick<StoredImage, 'manifestDigest' | 'configDigest'> & {
    config: ImageConfig
    manifest: ImageManifest
  },
  reference: SignedImageReference,
): ImageFacts {
  const version = imageVersion(image.config)
  const created = imageCreated(image.config)
  return {
    reference,
    manifestDigest: image.manifestDigest,
    configDigest: image.configDigest,
    architecture: image.config.architecture,
    ...(version === undefined ? {} : { version }),
    ...(created === undefined ? {} : { created }),
  }
}

/** From what a deployment remembers of its image, when the store has forgotten the rest. */
export function factsOfDeployment(
  image: DeploymentImage,
  reference: SignedImageReference,
): ImageFacts | undefined {
  if (image.configDigest === undefined) return undefined
  const configDigest: Digest = image.configDigest
  return {
    reference,
    manifestDigest: image.manifestDigest,
    configDigest,
    architecture: image.architecture,
    ...(image.version === undefined ? {} : { version: image.version }),
    ...(image.created === undefined ? {} : { created: image.created }),
  }
}
