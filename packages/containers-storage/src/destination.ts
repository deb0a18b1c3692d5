import {
  BootcError,
  type Bytes,
  type ImageDestination,
  type ImageReference,
  type ResolvedImage,
} from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  isIndexMediaType,
  parseConfig,
  parseManifest,
  printImageReference,
  verifyDigest,
} from '@bootc-sdk/core/oci'
import { mkdirSync } from 'node:fs'
import { parseStorageName } from './name.js'
import { loadStorageConf, type StorageConf } from './storage-conf.js'
import { blobStaging, type BlobStaging } from './write/blob-staging.js'

export interface ContainersStorageDestinationOptions {
  /** Default: what `storage.conf` and the environment say. References that name a store in brackets do not ask it. */
  readonly conf?: StorageConf
}

/**
 * `containers-storage:[overlay@/root+/run]NAME`: storage of the overlay driver. Layers wait unpacked until the manifest
 * comes, which must say the same of them as the config.
 */
export function containersStorageDestination(
  options: ContainersStorageDestinationOptions = {},
): ImageDestination {
  const stores = new Map<string, BlobStaging>()
  const stagingFor = (target: ImageReference): BlobStaging => {
    const root = storeRoot(target, options.conf)
    let staging = stores.get(root)
    if (staging === undefined) {
      mkdirSync(root, { recursive: true, mode: 0o700 })
      stores.set(root, (staging = blobStaging(nodeDir(root))))
    }
    return staging
  }
  return {
    name: 'containers-storage',
    transports: ['containers-storage'],
    hasBlob: (target, { digest }) => stagingFor(target).has(digest),
    putBlob: (target, blob, bytes: Bytes, { signal } = {}) => stagingFor(target).put(blob, bytes, { signal }),
    async putManifest(target, { bytes, digest, mediaType }, { signal, byDigest } = {}) {
      const reference = printImageReference(target)
      const { name } = parseStorageName(target)
      if (isIndexMediaType(mediaType) || byDigest === true) {
        throw new BootcError(
          'STORE_CONTAINERS_UNSUPPORTED',
          `${reference}: storage of containers has no indexes`,
          {
            details: { what: 'index', reference },
          },
        )
      }
      if (name === undefined) throw nameless(reference)
      verifyDigest(bytes, digest, bytes.length)
      const manifest = parseManifest(bytes)
      const staging = stagingFor(target)
      const configBytes = await staging.document(manifest.config.digest)
      const image: ResolvedImage = {
        reference: { transport: 'registry', name },
        manifestDigest: digest,
        manifest,
        manifestBytes: bytes,
        manifestMediaType: mediaType,
        config: parseConfig(configBytes, manifest),
        configDigest: manifest.config.digest,
        configBytes,
      }
      await staging.commit(image, { signal })
    },
    async close() {
      for (const staging of stores.values()) await staging.close()
      stores.clear()
    },
  }
}

/** @throws BootcError `STORE_CONTAINERS_UNSUPPORTED`, `IMAGE_REFERENCE_INVALID` */
function storeRoot(target: ImageReference, conf: StorageConf | undefined): string {
  const { store, name } = parseStorageName(target)
  if (name === undefined) throw nameless(printImageReference(target))
  const configured =
    store?.root !== undefined && store.driver !== undefined ? undefined : (conf ?? loadStorageConf())
  const driver = store?.driver ?? (store?.root === undefined ? configured?.driver : undefined) ?? 'overlay'
  if (driver !== 'overlay') {
    throw new BootcError(
      'STORE_CONTAINERS_UNSUPPORTED',
      `storage driver ${driver} is not written, only overlay`,
      {
        details: { what: 'driver', driver },
      },
    )
  }
  return store?.root ?? configured!.graphRoot
}

function nameless(reference: string): BootcError {
  return new BootcError('IMAGE_REFERENCE_INVALID', `${reference} has no name for the image`, {
    details: { reference },
  })
}
