import { sizeMismatch } from '../../codec/codec-errors.js'
import { BootcError, isBootcError } from '../../errors.js'
import type { Descriptor } from '../../oci/types.js'
import { parseContentRange, rangeHeader } from './content-range.js'
import type { ContentRange } from './content-range.js'
import { singleHeader } from './http.js'
import { networkError } from './network-error.js'
import { safeUrl } from './redirect.js'
import type { RegistryResponse } from './registry-client.js'
import { systemTiming } from './retry.js'
import type { OnRetry, Timing } from './retry.js'

const RECONNECT_WAIT_MS = 1000
const RECONNECT_JITTER_MS = 100
/** A connection that brought this much was worth having. */
const WORTHWHILE_BYTES = 1024 * 1024
const WORTHWHILE_MS = 60_000

export interface BlobStreamOptions {
  readonly descriptor: Descriptor
  /** Bytes wanted, `end` exclusive; default all. */
  readonly range?: { readonly start: number; readonly end: number } | undefined
  /** Where the server does not continue as asked, it may send everything again: what is there is read past. */
  readonly mayStartOver?: boolean
  /** GET the blob; `range` is the header's value. Answers 200 or 206, or throws. */
  readonly open: (range: string | undefined) => Promise<RegistryResponse>
  readonly timing?: Timing
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: OnRetry | undefined
}

/**
 * A blob as served, reconnecting where a connection broke off: after a second, with a range request, as long
 * as connections bring at least 1 MiB or hold for a minute.
 *
 * @throws `IMAGE_SIZE_MISMATCH` when more or fewer bytes come than the descriptor says; `TRANSPORT_*`
 * @see containers/image 5.34 docker/body_reader.go for the rule of reconnecting
 */
export async function* blobStream(options: BlobStreamOptions): AsyncGenerator<Uint8Array> {
  const { descriptor, signal, timing = systemTiming } = options
  const { start, end } = options.range ?? { start: 0, end: descriptor.size }
  if (start < 0 || end > descriptor.size || start > end) {
    throw new RangeError(`range ${start}-${end} of a blob of ${descriptor.size} bytes`)
  }
  if (start === end && options.range) return
  let position = start
  let connectedAt = timing.now()
  let connectedFrom = position
  for (let attempt = 1; ; attempt++) {
    const { response, skip } = await openAt(options, position, end)
    let failure: unknown
    try {
      let skipBytes = skip
      for await (const received of response.body) {
        signal?.throwIfAborted()
        let chunk = received
        if (skipBytes > 0) {
          chunk = received.subarray(Math.min(skipBytes, received.length))
          skipBytes -= received.length - chunk.length
          if (chunk.length === 0) continue
        }
        if (chunk.length > end - position) {
          if (end === descriptor.size) throw tooLong(descriptor, chunk.length - (end - position))
          chunk = chunk.subarray(0, end - position)
        }
        position += chunk.length
        if (chunk.length > 0) yield chunk
        if (position === end && end < descriptor.size) return
      }
      if (position === end) return
      // Without a length a broken connection looks like an end; with one, a proxy may have cut the blob short.
      failure = isDelimited(response)
        ? sizeMismatch(descriptor.digest, descriptor.size, position)
        : new Error('the connection ended early')
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof BootcError) throw error
      if (position === end) return
      failure = error
    }
    const worthwhile =
      position - connectedFrom >= WORTHWHILE_BYTES || timing.now() - connectedAt >= WORTHWHILE_MS
    // Nothing more where something was to come: the blob is shorter than it should be.
    const isShort = isBootcError(failure) && position === connectedFrom
    if (isShort || (attempt > 1 && !worthwhile)) throw broken(failure, response, descriptor, attempt)
    const waitMs = RECONNECT_WAIT_MS + timing.random() * RECONNECT_JITTER_MS
    options.onRetry?.({ attempt, waitMs, reason: broken(failure, response, descriptor, attempt).message })
    await timing.sleep(waitMs, signal)
    connectedAt = timing.now()
    connectedFrom = position
  }
}

/** One response whose body starts at `position` after `skip` bytes. */
async function openAt(
  options: BlobStreamOptions,
  position: number,
  end: number,
): Promise<{ readonly response: RegistryResponse; readonly skip: number }> {
  const { descriptor, open } = options
  const isWhole = position === 0 && end === descriptor.size
  if (isWhole) return openWhole(options, 0)
  let refusal: unknown
  try {
    const response = await open(rangeHeader(position, end < descriptor.size ? end : undefined))
    // A server that ignores ranges sends everything. The digest covers all of it.
    if (response.status === 200) return { response, skip: position }
    const served = parseContentRange(singleHeader(response, 'content-range'))
    const good =
      served?.first === position &&
      served.last === end - 1 &&
      (served.total === undefined || served.total === descriptor.size)
    if (good) return { response, skip: 0 }
    await response.discard()
    refusal = otherBytes(response, descriptor, `bytes ${position} to ${end - 1}`, served)
  } catch (error) {
    if (!isBootcError(error, 'TRANSPORT_RANGE_UNSUPPORTED')) throw error
    refusal = error
  }
  if (options.mayStartOver !== true) throw refusal
  options.signal?.throwIfAborted()
  return openWhole(options, position)
}

async function openWhole(
  { descriptor, open }: BlobStreamOptions,
  skip: number,
): Promise<{ readonly response: RegistryResponse; readonly skip: number }> {
  const response = await open(undefined)
  if (response.status === 200) return { response, skip }
  await response.discard()
  const served = parseContentRange(singleHeader(response, 'content-range'))
  throw otherBytes(response, descriptor, 'everything', served)
}

function otherBytes(
  { url, status }: RegistryResponse,
  { digest }: Descriptor,
  asked: string,
  served: ContentRange | undefined,
): BootcError {
  const details = { url: safeUrl(url), status, digest, contentRange: served ?? null }
  const message = `${details.url} was asked for ${asked} and answers with something else`
  return new BootcError('TRANSPORT_RANGE_UNSUPPORTED', message, { details })
}

function isDelimited(response: RegistryResponse): boolean {
  return 'content-length' in response.headers || 'transfer-encoding' in response.headers
}

function tooLong(descriptor: Descriptor, excess: number): BootcError {
  return sizeMismatch(descriptor.digest, descriptor.size, descriptor.size + excess)
}

function broken(
  failure: unknown,
  response: RegistryResponse,
  { digest }: Descriptor,
  attempts: number,
): BootcError {
  return networkError(failure, safeUrl(response.url), { digest, status: response.status, attempts })
}
