import { BootcError } from '../../errors.js'
import type { Bytes, Digest } from '../../interfaces/common.js'
import { singleHeader } from '../registry/http.js'
import { uploadLocation } from '../registry/location.js'
import type { RegistryClient, RegistryResponse, SendOptions } from '../registry/registry-client.js'
import { safeUrl } from '../registry/redirect.js'
import { statusError } from '../registry/status-error.js'

/** Larger chunks than this are not kept in memory, whatever a registry asks for. */
const MAX_CHUNK_BYTES = 512 * 1024 * 1024

export interface UploadPlace {
  readonly client: RegistryClient
  readonly repository: string
  /** `upload of sha256:…`, for messages. */
  readonly what: string
  /** The reference that is written to, for details. */
  readonly reference: string
  readonly signal?: AbortSignal | undefined
}

/**
 * One upload: the registry says after each request where the next one goes.
 *
 * @see OCI distribution-spec 1.1.1 "Pushing a blob in chunks"
 */
export class UploadSession {
  readonly #place: UploadPlace
  #location: URL | undefined
  /** `OCI-Chunk-Min-Length`: only the last chunk may be shorter. */
  minChunkBytes = 0

  constructor(place: UploadPlace) {
    this.#place = place
  }

  /** Also after the registry has forgotten an upload: a new one, from the first byte. */
  async start(): Promise<void> {
    const response = await this.#send({ method: 'POST', path: 'blobs/uploads/' })
    await this.#follow(response)
    const asked = Number(singleHeader(response, 'oci-chunk-min-length') ?? 0)
    this.minChunkBytes = Number.isSafeInteger(asked) && asked > 0 ? asked : 0
    if (this.minChunkBytes > MAX_CHUNK_BYTES) {
      throw this.#odd(response, `asks for chunks of at least ${asked} bytes`)
    }
  }

  /** Everything in one request. */
  async stream(body: Bytes, sizeBytes: number): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(sizeBytes) }
    await this.#follow(await this.#send({ method: 'PATCH', path: this.#at, headers, body }))
  }

  /**
   * A part that begins where the upload ends.
   *
   * @returns bytes that the registry has of the whole blob now, which may be fewer than were sent
   */
  async chunk(part: Uint8Array, start: number): Promise<number> {
    const end = start + part.length
    const headers = {
      'content-type': 'application/octet-stream',
      'content-length': String(part.length),
      'content-range': `${start}-${end - 1}`,
    }
    const response = await this.#send({ method: 'PATCH', path: this.#at, headers, body: part })
    await this.#follow(response)
    const has = storedBytes(response) ?? end
    if (has > end || has < start) throw this.#odd(response, `says that it has ${has} bytes of ${end}`)
    return has
  }

  /** Bytes that arrived, as the registry tells; the answer also says where to go on. */
  async status(): Promise<number> {
    const response = await this.#send({ method: 'GET', path: this.#at })
    if (response.status !== 204 && response.status !== 202) throw await this.#refusal(response)
    await response.discard()
    this.#location = this.#locationOf(response) ?? this.#location
    return storedBytes(response) ?? 0
  }

  /** Make the blob of what was sent. */
  async finish(digest: Digest): Promise<void> {
    const path = new URL(this.#at)
    // The registry's own query stays as it is, byte for byte.
    path.search = `${path.search === '' ? '?' : `${path.search}&`}digest=${encodeURIComponent(digest)}`
    const response = await this.#send({ method: 'PUT', path, headers: { 'content-length': '0' } })
    if (response.status !== 201) throw await this.#refusal(response)
    await response.discard()
  }

  /** Whether the blob is there, for a finish whose answer got lost. */
  async isStored(digest: Digest): Promise<boolean> {
    const head = await this.#send({ method: 'HEAD', path: `blobs/${digest}` })
    await head.discard()
    return head.status === 200
  }

  get #at(): URL {
    if (this.#location === undefined) throw new Error('the upload has not been started')
    return this.#location
  }

  #send(options: SendOptions): Promise<RegistryResponse> {
    const { client, repository, signal } = this.#place
    return client.send(repository, { ...options, signal })
  }

  async #follow(response: RegistryResponse): Promise<void> {
    if (response.status !== 202) throw await this.#refusal(response)
    await response.discard()
    const location = this.#locationOf(response)
    if (location === undefined) throw this.#odd(response, 'does not say where to send it')
    this.#location = location
  }

  #locationOf(response: RegistryResponse): URL | undefined {
    return uploadLocation(response, this.#place.client.endpoint.insecure)
  }

  #refusal(response: RegistryResponse): Promise<BootcError> {
    const { what, reference } = this.#place
    return statusError(response, what, { reference })
  }

  #odd(response: RegistryResponse, problem: string): BootcError {
    const { what, reference } = this.#place
    return new BootcError('TRANSPORT_PROTOCOL', `${what}: the registry ${problem}`, {
      details: { reference, url: safeUrl(response.url), status: response.status },
    })
  }
}

/** `Range: 0-LAST`. docker-registry also says `0-0` where it has nothing yet, so that one byte counts as none. */
function storedBytes(response: RegistryResponse): number | undefined {
  const match = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(singleHeader(response, 'range') ?? '')
  if (!match) return undefined
  const last = Number(match[1])
  return last === 0 ? 0 : last + 1
}
