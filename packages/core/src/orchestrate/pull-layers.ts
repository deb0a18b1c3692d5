import { isChunked } from '../chunked/is-chunked.js'
import type { Codec } from '../codec/index.js'
import { isBootcError } from '../errors.js'
import type { ImageTransport, ImportSession, ReadTree, ResolvedImage } from '../interfaces/index.js'
import { printImageReference } from '../oci/parse-reference.js'
import type { ImageReference } from '../oci/reference.js'
import type { PullEvent } from '../progress.js'
import { located } from '../transports/located-error.js'
import { byteMeter, type ByteMeter } from './byte-meter.js'
import { withRetry } from './retry.js'
import { runTasks, type Task } from './task-graph.js'

export interface PullLayersParts {
  readonly transport: ImageTransport
  readonly image: ResolvedImage
  readonly session: ImportSession
  readonly codec: Codec
  readonly concurrency: number
  readonly attempts: number
  readonly retryWaitMs: number
  readonly signal?: AbortSignal | undefined
  readonly emit: (event: PullEvent) => void
  /** Root of an image that is here already, for layers of which a part can be fetched; `undefined`: none. */
  readonly similarRoot?: (() => Promise<ReadTree | undefined>) | undefined
}

/** Bytes of blobs. */
export interface PulledBytes {
  /** Of what was missing: fetched, and left by an earlier try. */
  readonly fetched: number
  readonly resumed: number
}

/** Fetch, check, decompress and store every layer that the session misses. */
export async function pullLayers(parts: PullLayersParts): Promise<PulledBytes> {
  const tasks: Task[] = []
  const sum = { fetched: 0, resumed: 0 }
  parts.session.layers.forEach((layer, index) => {
    if (layer.present) return
    const run = async (signal: AbortSignal) => {
      const part = await pullPart(parts, index, signal)
      const pulled =
        part === undefined ? await pullLayer(parts, index, signal) : { fetched: part, resumed: 0 }
      sum.fetched += pulled.fetched
      sum.resumed += pulled.resumed
    }
    tasks.push({ index, after: layer.after, run })
  })
  await runTasks(tasks, parts.concurrency, parts.signal)
  return sum
}

/**
 * A layer of which the store has most: only the rest is fetched.
 *
 * @returns bytes fetched; undefined when the whole layer has to be
 */
async function pullPart(
  parts: PullLayersParts,
  index: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { transport, image, session, emit } = parts
  const { descriptor: layer, diffId } = session.layers[index]!
  const { digest: id, size } = layer
  if (!isChunked(layer) || !transport.supports.range || image.served !== undefined) return undefined
  const root = await parts.similarRoot?.()
  if (root === undefined) return undefined
  try {
    const told: { meter?: ByteMeter } = {}
    const { openChunked } = await import('../chunked/open-chunked.js')
    const chunked = await openChunked(
      { transport, image, layer, diffId, root },
      { signal, onBytes: (bytes) => told.meter?.set(bytes) },
    )
    if (chunked === undefined) return undefined
    const { fetchBytes } = chunked
    const cachedBytes = size - fetchBytes
    emit({ type: 'pull:partial', detail: { id, fetchBytes, totalBytes: size } })
    const meter = byteMeter(id, fetchBytes, (detail) => emit({ type: 'pull:layer', detail }), { cachedBytes })
    told.meter = meter
    await session.putLayer(index, chunked.tar, {
      signal,
      onProgress: (event) => emit(event as PullEvent),
    })
    meter.end()
    return fetchBytes
  } catch (error) {
    signal.throwIfAborted()
    // A full disk does not get better by fetching more.
    if (!isBootcError(error) || !/^(IMAGE|TRANSPORT)_/.test(error.code)) throw error
    emit({ type: 'pull:partial', detail: { id, fetchBytes: size, totalBytes: size, reason: error.message } })
    return undefined
  }
}

/**
 * One layer, tried again as a whole when its transport fails: a session keeps nothing of a broken put, the transport may
 * keep what came.
 */
async function pullLayer(parts: PullLayersParts, index: number, signal: AbortSignal): Promise<PulledBytes> {
  const { transport, image, session, codec, emit } = parts
  const layer = session.layers[index] as ImportSession['layers'][number]
  const { descriptor, diffId } = layer
  const id = descriptor.digest
  const served = image.served?.get(id) ?? descriptor
  // Of what an earlier pull left, not of what this one did.
  let resumed: number | undefined
  let isPieced = false
  let isLastTry = false
  const onProgress = (event: PullEvent): void => {
    if (event.type === 'pull:resumed') resumed ??= event.detail.keptBytes
    if (event.type === 'pull:resumed' || event.type === 'pull:retry') isPieced = true
    emit(event)
  }
  await withRetry(
    async () => {
      const meter = byteMeter(id, served.size, (detail) => emit({ type: 'pull:layer', detail }))
      const blob = transport.openLayer(image, descriptor, {
        signal,
        onProgress: (event) => onProgress(event as PullEvent),
      })
      const tar = codec.decodeLayer(
        blob,
        { digest: served.digest, sizeBytes: served.size, diffId },
        { signal, onBytes: (bytes) => meter.set(bytes) },
      )
      try {
        await session.putLayer(index, tar, { signal, onProgress: (event) => emit(event as PullEvent) })
      } catch (error) {
        resumed ??= 0
        if (!isBootcError(error) || !error.code.startsWith('IMAGE_')) throw error
        await transport.forgetLayer?.(descriptor)
        throw located(error, { reference: printImageReference(servedReference(image)), digest: id })
      }
      meter.end()
      await transport.forgetLayer?.(descriptor)
    },
    {
      attempts: parts.attempts,
      waitMs: parts.retryWaitMs,
      signal,
      // Pieces of several connections or tries that do not fit together: once more from the start.
      alsoPassing: (error) => {
        if (!isDamage(error) || !isPieced || isLastTry) return false
        return (isLastTry = true)
      },
      onRetry: ({ attempt, waitMs, error }) =>
        emit({ type: 'pull:retry', detail: { id, attempt, waitMs, reason: reasonOf(error) } }),
    },
  )
  return { fetched: served.size - (resumed ?? 0), resumed: resumed ?? 0 }
}

function isDamage(error: unknown): boolean {
  return isBootcError(error, 'IMAGE_DIGEST_MISMATCH') || isBootcError(error, 'IMAGE_SIZE_MISMATCH')
}

function servedReference({ reference, servedBy }: ResolvedImage): ImageReference {
  return servedBy === undefined ? reference : { ...reference, name: servedBy.name }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
