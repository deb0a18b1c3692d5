import { once } from 'node:events'
import { createGzip } from 'node:zlib'
import type { Bytes, Dir, Meta } from '@bootc-sdk/core'
import { ChunkQueue } from '@bootc-sdk/core/store-kit'
import { layerMembers, type LayerStep } from './layer-members.js'
import { LayerTree, type LabelPath } from './layer-tree.js'

/** What a layer's record needs besides digests. */
export interface LayerFacts {
  /** Of the tar. */
  readonly diffBytes: number
  readonly uids: readonly number[]
  readonly gids: readonly number[]
}

/** Files up to this size wait whole in memory; larger ones flow. */
const smallBytes = 1024 * 1024
/** What may wait of a large one. */
const maxQueuedBytes = 8 * 1024 * 1024

/**
 * Unpack a tar into `diff` of a directory and write `tar-split.gz` beside it. Nothing is synced. Checks of the tar's
 * digest are those of its stream.
 *
 * @param dir has an empty directory `diff`
 * @throws BootcError `IMAGE_TAR_*`, `STORE_CONTAINERS_UNSUPPORTED`, and what the stream throws
 */
export async function stageLayer(
  dir: Dir,
  tar: Bytes,
  options: {
    /** Of paths in `diff`. */
    readonly label?: LabelPath | undefined
    /** Attributes of `tar-split.gz`. */
    readonly splitMeta?: Pick<Meta, 'xattrs'>
    readonly signal?: AbortSignal | undefined
  } = {},
): Promise<LayerFacts> {
  const members = layerMembers()
  const steps = new StepWriter(new LayerTree(dir.sub('diff'), options.label))
  const gzip = createGzip()
  // Nobody may be reading it when it is given up: its error is the writer's, or comes to that.
  gzip.on('error', () => undefined)
  const written = dir.write('tar-split.gz', gzip as AsyncIterable<Uint8Array>, {
    ...{ mode: 0o600, atomic: false },
    ...options.splitMeta,
  })
  // Looked at in the end; a failure before that must not become an unhandled one.
  written.catch(() => undefined)
  let diffBytes = 0
  try {
    for await (const chunk of tar) {
      options.signal?.throwIfAborted()
      diffBytes += chunk.length
      members.push(chunk)
      await steps.take(members.steps())
      if (!gzip.write(members.split.take())) await Promise.race([once(gzip, 'drain'), written])
    }
    options.signal?.throwIfAborted()
    members.end()
    await steps.take(members.steps())
    await steps.finish()
    gzip.end(members.split.take())
    await written
  } catch (error) {
    await steps.abandon(error)
    gzip.destroy(error instanceof Error ? error : new Error('abandoned'))
    await written.catch(() => undefined)
    throw error
  }
  return { diffBytes, uids: sorted(members.uids), gids: sorted(members.gids) }
}

function sorted(ids: ReadonlySet<number>): number[] {
  return [...ids].sort((a, b) => a - b)
}

/** Carries steps out one after the other; content of files is put together, or handed on while it comes. */
class StepWriter {
  #file: { readonly step: LayerStep; readonly chunks: Uint8Array[] } | undefined
  #stream: { readonly queue: ChunkQueue; readonly done: Promise<void> } | undefined
  #queuedBytes = 0
  #taken: (() => void) | undefined

  constructor(readonly tree: LayerTree) {}

  async take(steps: readonly LayerStep[]): Promise<void> {
    for (const step of steps) await this.#one(step)
  }

  finish(): Promise<void> {
    return this.tree.finish()
  }

  /** Wait for what is under way. */
  async abandon(error: unknown): Promise<void> {
    this.#stream?.queue.fail(error)
    await this.#stream?.done.catch(() => undefined)
  }

  async #one(step: LayerStep): Promise<void> {
    if (step.kind === 'data') return this.#data(step.bytes)
    if (step.kind === 'end') return this.#end()
    if (step.kind !== 'entry' || step.entry.type !== 'file') return this.tree.apply(step)
    if (step.entry.sizeBytes <= smallBytes) {
      this.#file = { step, chunks: [] }
      return
    }
    const queue = new ChunkQueue((bytes) => {
      this.#queuedBytes -= bytes
      this.#taken?.()
    })
    const done = this.tree.apply(step, queue)
    // The writer is gone: nothing waits for it any more.
    done.catch(() => {
      queue.drop()
      this.#taken?.()
    })
    this.#stream = { queue, done }
  }

  async #data(bytes: Uint8Array): Promise<void> {
    if (this.#file !== undefined) {
      this.#file.chunks.push(bytes)
      return
    }
    this.#queuedBytes += bytes.length
    this.#stream!.queue.push(bytes)
    while (this.#queuedBytes > maxQueuedBytes) {
      await new Promise<void>((resolve) => (this.#taken = resolve))
    }
    this.#taken = undefined
  }

  async #end(): Promise<void> {
    const [file, stream] = [this.#file, this.#stream]
    this.#file = this.#stream = undefined
    if (file !== undefined) {
      const [first] = file.chunks
      const whole = file.chunks.length === 1 ? first! : Buffer.concat(file.chunks)
      return this.tree.apply(file.step, whole)
    }
    stream!.queue.end()
    await stream!.done
  }
}
