import type { Codec } from '../codec/index.js'
import type { ImageTransport, ImportSession, ResolvedImage } from '../interfaces/index.js'
import type { PullEvent } from '../progress.js'
import { byteMeter } from './byte-meter.js'
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
}

/** Fetch, check, decompress and store every layer that the session misses. @returns bytes of their blobs */
export async function pullLayers(parts: PullLayersParts): Promise<number> {
  const tasks: Task[] = []
  let bytes = 0
  parts.session.layers.forEach((layer, index) => {
    if (layer.present) return
    bytes += (parts.image.served?.get(layer.descriptor.digest) ?? layer.descriptor).size
    tasks.push({ index, after: layer.after, run: (signal) => pullLayer(parts, index, signal) })
  })
  await runTasks(tasks, parts.concurrency, parts.signal)
  return bytes
}

/** One layer, tried again as a whole when its transport fails: a session keeps nothing of a broken put. */
async function pullLayer(parts: PullLayersParts, index: number, signal: AbortSignal): Promise<void> {
  const { transport, image, session, codec, emit } = parts
  const layer = session.layers[index] as ImportSession['layers'][number]
  const { descriptor, diffId } = layer
  const id = descriptor.digest
  const served = image.served?.get(id) ?? descriptor
  await withRetry(
    async () => {
      const meter = byteMeter(id, served.size, (detail) => emit({ type: 'pull:layer', detail }))
      const tar = codec.decodeLayer(
        transport.openLayer(image, descriptor, { signal, onProgress: (event) => emit(event as PullEvent) }),
        { digest: served.digest, sizeBytes: served.size, diffId },
        { signal, onBytes: (bytes) => meter.set(bytes) },
      )
      await session.putLayer(index, tar, { signal, onProgress: (event) => emit(event as PullEvent) })
      meter.end()
    },
    {
      attempts: parts.attempts,
      waitMs: parts.retryWaitMs,
      signal,
      onRetry: ({ attempt, waitMs, error }) =>
        emit({ type: 'pull:retry', detail: { id, attempt, waitMs, reason: reasonOf(error) } }),
    },
  )
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
