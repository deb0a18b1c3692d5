import { isBootcError, type DeploymentId, type Dir } from '@bootc-sdk/core'
import type { DeployedImage } from '../oci/index.js'
import { originPath } from './layout.js'
import { readOrigin, type Origin } from './origin.js'
import { stateDirs } from './prune.js'
import { readText } from '@bootc-sdk/core/store-kit'

/** A complete deployment on disk. */
export interface FoundDeployment {
  readonly id: DeploymentId
  readonly origin: Origin
}

/** Those whose origin, which is written last, is there and can be read. */
export async function findDeployments(root: Dir): Promise<FoundDeployment[]> {
  const found: FoundDeployment[] = []
  for (const id of await stateDirs(root)) {
    const origin = await readOriginOf(root, id)
    if (origin !== undefined) found.push({ id, origin })
  }
  return found
}

export async function readOriginOf(root: Dir, id: DeploymentId): Promise<Origin | undefined> {
  const path = originPath(id)
  try {
    const text = await readText(root, path)
    return text === undefined ? undefined : readOrigin(text, path)
  } catch (error) {
    // A power cut may leave it empty; then nothing boots from it either.
    if (isBootcError(error, 'DEPLOY_ORIGIN')) return undefined
    throw error
  }
}

/**
 * What the image store has to keep, and under which names. Also where the origin cannot be read: what is not needed was
 * removed before, and the system may run from what is left.
 */
export async function deployedImages(root: Dir): Promise<DeployedImage[]> {
  const images: DeployedImage[] = []
  for (const imageId of await stateDirs(root)) {
    const { image, manifestDigest } = (await readOriginOf(root, imageId)) ?? {}
    images.push({
      imageId,
      ...(manifestDigest === undefined ? {} : { manifestDigest }),
      ...(image === undefined ? {} : { reference: image.image }),
    })
  }
  return images
}
