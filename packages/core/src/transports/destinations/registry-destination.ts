import { BootcError } from '../../errors.js'
import type { OpOptions } from '../../interfaces/common.js'
import type { ImageDestination, ManifestToPut } from '../../interfaces/destination.js'
import { parseRegistryName, printImageReference } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor } from '../../oci/types.js'
import { singleHeader } from '../registry/http.js'
import { uploadLocation } from '../registry/location.js'
import type { RegistryClient, RegistryResponse } from '../registry/registry-client.js'
import type { RateLimit } from '../registry/rate-limit.js'
import { retryEvents } from '../registry/registry-documents.js'
import { systemTiming } from '../registry/retry.js'
import type { Timing } from '../registry/retry.js'
import { statusError } from '../registry/status-error.js'
import { listAsReferrer } from './referrers-index.js'
import { uploadBlob } from './upload-blob.js'
import type { UploadOptions } from './upload-blob.js'
import { UploadSession } from './upload-session.js'

/** Where a name is written to: rewritten as registries.conf says, by the transport's own clients. */
export type PlaceFor = (target: ImageReference) => Promise<{
  readonly name: string
  readonly client: RegistryClient
}>

type Blob = Pick<Descriptor, 'digest' | 'size'>

export interface RegistryDestinationOptions {
  readonly timing?: Timing
  readonly limit?: RateLimit | undefined
  /** Bytes of a part of an upload that broke, or whose size is not known; default 8 MiB. */
  readonly chunkBytes?: number
}

/**
 * `docker://…` as a place to write to: one upload a blob, mounted from another repository of the registry where the
 * image comes from there.
 *
 * @see OCI distribution-spec 1.1.1 "Pushing"
 */
export function registryDestination(
  placeFor: PlaceFor,
  { timing = systemTiming, limit, chunkBytes }: RegistryDestinationOptions = {},
): ImageDestination {
  const place = async (target: ImageReference) => {
    const { name, client } = await placeFor(target)
    return { ...parseRegistryName(name), client }
  }
  const uploadOptions = (options: OpOptions, id: string): UploadOptions => {
    const onRetry = retryEvents(options, id)
    return { timing, limit, chunkBytes, signal: options.signal, onRetry }
  }
  return {
    name: 'registry',
    transports: ['registry'],

    async hasBlob(target, blob, options = {}) {
      const { client, registry, repository } = await place(target)
      const head = await client.send(repository, {
        method: 'HEAD',
        path: `blobs/${blob.digest}`,
        ...signalOf(options),
      })
      await head.discard()
      if (head.status === 200) return true
      const { from } = options
      if (from?.transport !== 'registry') return false
      const source = parseRegistryName(from.name)
      if (source.registry !== registry || source.repository === repository) return false
      return mount(client, repository, source.repository, blob, options)
    },

    async putBlob(target, blob, bytes, options = {}) {
      const { client, repository } = await place(target)
      const session = uploadSession(client, repository, `upload of ${blob.digest}`, target, options)
      const { reopen } = options
      await uploadBlob(session, { expected: blob, bytes, reopen }, uploadOptions(options, blob.digest))
    },

    async putStream(target, bytes, options = {}) {
      const { client, repository } = await place(target)
      const session = uploadSession(client, repository, 'upload', target, options)
      return uploadBlob(session, { expected: {}, bytes }, uploadOptions(options, 'upload'))
    },

    async putManifest(target, manifest, options = {}) {
      const { client, repository, tag, digest } = await place(target)
      const which = options.byDigest === true || digest !== undefined ? manifest.digest : (tag ?? 'latest')
      if (digest !== undefined && digest !== manifest.digest) {
        throw new BootcError(
          'IMAGE_REFERENCE_INVALID',
          `${printImageReference(target)} names another digest`,
          {
            details: { reference: printImageReference(target), digest: manifest.digest },
          },
        )
      }
      const response = await client.send(repository, {
        method: 'PUT',
        path: `manifests/${which}`,
        headers: { 'content-type': manifest.mediaType },
        body: manifest.bytes,
        ...signalOf(options),
      })
      if (response.status !== 201 && response.status !== 202)
        throw await refusal(response, `manifest ${which}`, target)
      await response.discard()
      checkStored(response, manifest)
      await listAsReferrer(client, repository, manifest, response, options)
    },
  }
}

async function mount(
  client: RegistryClient,
  repository: string,
  from: string,
  { digest }: Blob,
  options: OpOptions,
): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from })
  const response = await client.send(repository, {
    method: 'POST',
    path: `blobs/uploads/?${query}`,
    scopes: [`repository:${from}:pull`],
    ...signalOf(options),
  })
  await response.discard()
  if (response.status === 201) return true
  const path = uploadLocation(response, client.endpoint.insecure)
  if (response.status === 202 && path !== undefined) {
    // It offers an upload instead, which nobody will make.
    await (await client.send(repository, { method: 'DELETE', path, ...signalOf(options) })).discard()
  }
  return false
}

function uploadSession(
  client: RegistryClient,
  repository: string,
  what: string,
  target: ImageReference,
  { signal }: OpOptions,
): UploadSession {
  return new UploadSession({ client, repository, what, reference: printImageReference(target), signal })
}

/** A registry that stores something else than it got must not go unnoticed. */
function checkStored(response: RegistryResponse, { digest }: ManifestToPut): void {
  const stored = singleHeader(response, 'docker-content-digest')
  if (stored === undefined || stored === digest || !stored.startsWith(digest.split(':')[0]!)) return
  throw new BootcError('IMAGE_DIGEST_MISMATCH', `the registry stored ${stored} instead of ${digest}`, {
    details: { expected: digest, actual: stored },
  })
}

function refusal(response: RegistryResponse, what: string, target: ImageReference): Promise<BootcError> {
  return statusError(response, what, { reference: printImageReference(target) })
}

function signalOf({ signal }: OpOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}
