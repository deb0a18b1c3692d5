import { createHash } from 'node:crypto'
import type { Deployment, DeploymentImage, Digest, ImageConfig } from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import type { ComposefsImageStore } from '../oci/index.js'
import type { Origin } from './origin.js'
import { statePath, stateroot } from './layout.js'

/** Facts that status shows, as the host API spells them (without the loader, which a store does not know). */
export interface ComposefsFacts {
  readonly verity: string
  readonly bootType: 'Bls' | 'Uki'
  readonly bootDigest: string | null
  readonly missingVerityAllowed: boolean
}

export function describeDeployment(
  id: string,
  facts: {
    readonly origin: Origin
    readonly image: DeploymentImage | undefined
    readonly bootDigest: string
    readonly missingVerityAllowed: boolean
    readonly unlocked: Deployment['unlocked']
  },
): Deployment {
  const { origin, image, bootDigest, missingVerityAllowed, unlocked } = facts
  const composefs: ComposefsFacts = {
    verity: id,
    bootType: origin.bootType === 'uki' ? 'Uki' : 'Bls',
    bootDigest: origin.bootDigest ?? null,
    missingVerityAllowed,
  }
  return {
    id,
    store: 'composefs',
    stateroot,
    path: statePath(id),
    ...(origin.image === undefined ? {} : { origin: origin.image }),
    incompatible: false,
    ...(image === undefined ? {} : { image }),
    pinned: origin.pinned,
    ...(origin.ukiAddons === undefined ? {} : { ukiAddons: origin.ukiAddons }),
    unlocked,
    bootDigest,
    backend: { composefs },
  }
}

/** The image as the repository knows it; undefined when that has forgotten it. */
export async function imageOf(
  images: Pick<ComposefsImageStore, 'describe'>,
  manifestDigest: Digest | undefined,
): Promise<DeploymentImage | undefined> {
  if (manifestDigest === undefined) return undefined
  try {
    const image = await images.describe(manifestDigest)
    if (image === undefined) return undefined
    const { config, configDigest, cachedUpdate } = image
    return {
      ...factsOf(manifestDigest, config),
      configDigest,
      ...(cachedUpdate === undefined ? {} : { cachedUpdate }),
    }
  } catch (error) {
    // It still boots, and must be shown.
    if (isBootcError(error)) return undefined
    throw error
  }
}

/**
 * What an older bootc wrote beside the origin: `{"config": …, "manifest": …}`. The digest is taken over the
 * manifest as it is there, as bootc does; it is not that of the image in its registry.
 */
export function imageOfInfo(text: string | undefined): DeploymentImage | undefined {
  try {
    const { config, manifest } = (JSON.parse(text ?? '') ?? {}) as { config?: unknown; manifest?: unknown }
    if (!isObject(config) || !isObject(manifest)) return undefined
    const hash = createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
    return factsOf(`sha256:${hash}`, config as unknown as ImageConfig)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function factsOf(manifestDigest: Digest, config: ImageConfig): DeploymentImage {
  const labels = config.config?.Labels ?? {}
  const version = labels['org.opencontainers.image.version'] ?? labels['version']
  const created = labels['org.opencontainers.image.created'] ?? config.created
  return {
    manifestDigest,
    ...(version === undefined ? {} : { version }),
    ...(created === undefined ? {} : { created }),
    architecture: config.architecture,
  }
}
