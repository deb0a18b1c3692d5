import type { Bytes } from '../interfaces/common.js'
import type { Range } from './ranges.js'
import { corrupt } from './toc.js'

interface Parts {
  readonly ranges: readonly Range[]
  readonly fetchRange: (start: number, end: number) => Bytes
  readonly onBytes: (fetchedBytes: number) => void
}

/** Requests that are under way before they are needed. */
const ahead = 4

interface OpenRange extends Range {
  readonly chunks: AsyncIterator<Uint8Array>
  /** Where the next chunk begins. */
  at: number
  /** A chunk that was asked for early, so that its request is under way. */
  next: Promise<IteratorResult<Uint8Array>>
}

/** Parts of a blob, read mostly in its order, out of few and wider ranges; the next ones are fetched meanwhile. */
export class RangeReader {
  readonly #parts: Parts
  #nextRange = 0
  #fetched = 0
  readonly #open: OpenRange[] = []
  /** The last bytes that came: a file may begin in the middle of a chunk. */
  #rest: { readonly start: number; readonly bytes: Uint8Array } | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @throws BootcError `IMAGE_LAYER_CORRUPT` for what lies before what was read already */
  async *read(start: number, end: number): AsyncGenerator<Uint8Array> {
    let at = start
    while (at < end) {
      const chunk = await this.#chunkAt(at)
      const from = at - chunk.start
      const part = chunk.bytes.subarray(from, Math.min(chunk.bytes.length, from + end - at))
      at += part.length
      yield part
    }
  }

  async close(): Promise<void> {
    for (const { chunks, next } of this.#open.splice(0)) {
      await next.catch(() => undefined)
      await chunks.return?.().catch(() => undefined)
    }
  }

  async #chunkAt(at: number): Promise<{ start: number; bytes: Uint8Array }> {
    for (;;) {
      const rest = this.#rest
      if (rest !== undefined && at >= rest.start && at < rest.start + rest.bytes.length) return rest
      if (rest !== undefined && at < rest.start)
        throw corrupt('has files that are not in the order of the tar')
      this.#fill()
      const range = this.#open[0]
      if (range === undefined || at < range.start)
        throw corrupt('has files that are not in the order of the tar')
      const result = await range.next
      if (result.done === true) {
        this.#open.shift()
        if (at < range.end) throw corrupt('ends in the middle of a file')
        continue
      }
      const bytes = Uint8Array.from(result.value)
      this.#rest = { start: range.at, bytes }
      range.at += bytes.length
      this.#fetched += bytes.length
      this.#parts.onBytes(this.#fetched)
      range.next = guarded(range.chunks.next())
    }
  }

  #fill(): void {
    const { ranges, fetchRange } = this.#parts
    while (this.#open.length < ahead && this.#nextRange < ranges.length) {
      const range = ranges[this.#nextRange++]!
      const chunks = fetchRange(range.start, range.end)[Symbol.asyncIterator]()
      this.#open.push({ ...range, chunks, at: range.start, next: guarded(chunks.next()) })
    }
  }
}

/** Looked at later: until then nobody may call it unhandled. */
function guarded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
