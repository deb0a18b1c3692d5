import { BootcError } from '../../errors.js'
import type { Bytes, OpOptions } from '../../interfaces/common.js'
import type { ImageDestination, ManifestToPut } from '../../interfaces/destination.js'
import { parseRegistryName, printImageReference } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor } from '../../oci/types.js'
import { singleHeader } from '../registry/http.js'
import type { RegistryClient, RegistryResponse } from '../registry/registry-client.js'
import { statusError } from '../registry/status-error.js'
import { checkedStream } from './checked-stream.js'

/** Where a name is written to: rewritten as registries.conf says, by the transport's own clients. */
export type PlaceFor = (target: ImageReference) => Promise<{
  readonly name: string
  readonly client: RegistryClient
}>

type Blob = Pick<Descriptor, 'digest' | 'size'>

/**
 * `docker://…` as a place to write to: one upload a blob, mounted from another repository of the registry where the
 * image comes from there.
 *
 * @see OCI distribution-spec 1.1.1 "Pushing"
 */
export function registryDestination(placeFor: PlaceFor): ImageDestination {
  const place = async (target: ImageReference) => {
    const { name, client } = await placeFor(target)
    return { ...parseRegistryName(name), client }
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
      const what = `upload of ${blob.digest}`
      const started = await client.send(repository, {
        method: 'POST',
        path: 'blobs/uploads/',
        ...signalOf(options),
      })
      const location = await uploadLocation(started, what, target, 202)
      await upload(client, repository, location, { blob, bytes, what, target }, options)
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
  const location = singleHeader(response, 'location')
  if (response.status === 202 && location !== undefined) {
    // It offers an upload instead, which nobody will make.
    const path = new URL(location, response.url)
    await (await client.send(repository, { method: 'DELETE', path, ...signalOf(options) })).discard()
  }
  return false
}

interface Upload {
  readonly blob: Blob
  readonly bytes: Bytes
  readonly what: string
  readonly target: ImageReference
}

/** The whole blob in one PATCH, as skopeo does it: registries behind old proxies know nothing else. */
async function upload(
  client: RegistryClient,
  repository: string,
  location: URL,
  { blob, bytes, what, target }: Upload,
  options: OpOptions,
): Promise<void> {
  try {
    const sent = await client.send(repository, {
      method: 'PATCH',
      path: location,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) },
      body: checkedStream(bytes, blob),
      ...signalOf(options),
    })
    const end = await uploadLocation(sent, what, target, 202)
    end.search = `${end.search === '' ? '?' : `${end.search}&`}digest=${encodeURIComponent(blob.digest)}`
    const done = await client.send(repository, {
      method: 'PUT',
      path: end,
      headers: { 'content-length': '0' },
      ...signalOf(options),
    })
    if (done.status !== 201) throw await refusal(done, what, target)
    await done.discard()
  } catch (error) {
    // What is wrong with the bytes says more than the connection that ended because of it.
    const cause = error instanceof Error ? error.cause : undefined
    throw cause instanceof BootcError ? cause : error
  }
}

async function uploadLocation(
  response: RegistryResponse,
  what: string,
  target: ImageReference,
  expected: number,
): Promise<URL> {
  const location = singleHeader(response, 'location')
  if (response.status !== expected) throw await refusal(response, what, target)
  await response.discard()
  if (location === undefined) {
    throw new BootcError('TRANSPORT_PROTOCOL', `${what}: the registry does not say where to send it`, {
      details: { reference: printImageReference(target) },
    })
  }
  return new URL(location, response.url)
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
