import { isBootcError } from '../../errors.js'
import type { Bytes, OpOptions } from '../../interfaces/common.js'
import type { ImageTransport } from '../../interfaces/transport.js'
import type { Descriptor } from '../../oci/types.js'
import { blobStream } from './blob-stream.js'
import { openForeign } from './foreign-layer.js'
import type { HttpClient } from './http.js'
import { located } from '../located-error.js'
import type { PartialBlobs } from './partial-blobs.js'
import type { RegistryClient, RegistryResponse } from './registry-client.js'
import { responseError, retryEvents } from './registry-documents.js'
import { resumable } from './resumable.js'
import { withRetries } from './retry.js'
import type { Timing } from './retry.js'

/** Where a layer comes from, and how hard to try. */
export interface RegistryLayerSource {
  readonly client: RegistryClient
  readonly repository: string
  readonly http: HttpClient
  readonly timing: Timing
  /** As it was asked for, and the host that serves it, for messages. */
  readonly printed: string
  readonly host: string
  readonly retries: number
  /** Present: `urls` of descriptors count. */
  readonly foreign: { readonly insecure: (host: string) => boolean } | undefined
  readonly kept: PartialBlobs | undefined
  /** Slows the network down. */
  readonly limit: (bytes: Bytes) => Bytes
}

type OpenOptions = OpOptions & Pick<NonNullable<Parameters<ImageTransport['openLayer']>[2]>, 'range'>

/** The blob, or a range of it, as `ImageTransport.openLayer` has it. Errors name host, reference and digest. */
export async function* registryLayer(
  source: RegistryLayerSource,
  layer: Descriptor,
  options: OpenOptions,
): AsyncGenerator<Uint8Array> {
  const { timing, retries, printed, host } = source
  const { digest } = layer
  const { signal, onProgress } = options
  const onRetry = retryEvents(options, digest)
  const open = (range: string | undefined) =>
    withRetries(() => openOnce(source, layer, range, options), retries, timing, { signal, onRetry })
  const stream = (range: OpenOptions['range'], mayStartOver: boolean): Bytes =>
    source.limit(blobStream({ descriptor: layer, range, mayStartOver, open, timing, signal, onRetry }))
  try {
    // A part that is not served is not worth the whole.
    if (options.range) return yield* stream(options.range, false)
    yield* resumable({
      descriptor: layer,
      kept: source.kept,
      openFrom: (start) => stream(start === 0 ? undefined : { start, end: layer.size }, true),
      onResume: (keptBytes) =>
        onProgress?.({ type: 'pull:resumed', detail: { id: digest, keptBytes, totalBytes: layer.size } }),
      signal,
    })
  } catch (error) {
    throw located(error, { host, reference: printed, digest })
  }
}

async function openOnce(
  { client, repository, printed, foreign, http }: RegistryLayerSource,
  layer: Descriptor,
  range: string | undefined,
  options: OpenOptions,
): Promise<RegistryResponse> {
  const { signal } = options
  const onRetry = retryEvents(options, layer.digest)
  const get = { ...(range === undefined ? {} : { range }), signal, onRetry }
  const response = await client.get(repository, `blobs/${layer.digest}`, get)
  if (response.status === 200 || response.status === 206) return response
  const error = await responseError(response, `layer ${layer.digest}`, printed, layer.digest)
  if (foreign === undefined || !isBootcError(error, 'TRANSPORT_NOT_FOUND') || !layer.urls?.length) throw error
  return openForeign(http, layer, { range, signal, insecure: foreign.insecure })
}
