import { encodeSplitstreamPrefix } from '../format/splitstream.js'
import { encodeNamedRefs } from '../format/splitstream-names.js'
import { invalidTree } from '../format/errors.js'
import type { ObjectId, VerityAlgorithm } from '../format/types.js'
import type { SplitstreamWriter } from './api.js'
import { assertObjectId } from './links.js'
import { transactionDone } from './object-store.js'
import type { StreamEncoder } from './zstd-encoder.js'

/** Where compressed bytes wait until the references in front of them are known. */
export interface Spool {
  write(chunk: Uint8Array): void
  /** Bytes written so far. */
  readonly sizeBytes: number
  /** Store `prefix` and everything written as one object. */
  store(prefix: Uint8Array): Promise<ObjectId>
}

/** A run longer than this is no tar header by any stretch, and its length must stand in front of it. */
const maxInlineBytes = 1024 * 1024 * 1024

/** Numbers and runs are gathered up to here, so that the compressor is not called for each. */
const batchBytes = 64 * 1024

/** Writes what composefs-rs would write for the same pieces. */
export class RepoSplitstreamWriter implements SplitstreamWriter {
  readonly #algorithm: VerityAlgorithm
  readonly #contentType: bigint
  readonly #encoder: StreamEncoder
  readonly #newEncoder: () => StreamEncoder
  readonly #spool: Spool
  readonly #objectRefs = new Map<ObjectId, number>()
  readonly #streamRefs = new Map<ObjectId, number>()
  readonly #namedRefs = new Map<string, number>()
  /** Pieces that are not compressed yet, the last of which may be an inline run that has not ended. */
  #batch = Buffer.allocUnsafeSlow(2 * batchBytes)
  #batched = 0
  /** Where the number of that run stands; -1 when there is none. */
  #runAt = -1
  #sizeBytes = 0
  #done = false

  constructor(
    algorithm: VerityAlgorithm,
    contentType: bigint,
    newEncoder: () => StreamEncoder,
    spool: Spool,
  ) {
    this.#algorithm = algorithm
    this.#contentType = contentType
    this.#newEncoder = newEncoder
    this.#encoder = newEncoder()
    this.#spool = spool
  }

  inline(data: Uint8Array): void {
    this.#checkOpen()
    if (data.length === 0) return
    this.#sizeBytes += data.length
    if (this.#runAt < 0) {
      this.#reserve(8 + data.length)
      this.#runAt = this.#batched
      this.#batched += 8
    } else {
      this.#reserve(data.length)
    }
    // The caller's memory may be reused as soon as this returns.
    this.#batch.set(data, this.#batched)
    this.#batched += data.length
  }

  external(id: ObjectId, sizeBytes: number): void {
    this.#checkOpen()
    assertObjectId(id, this.#algorithm)
    this.#endRun()
    this.#sizeBytes += sizeBytes
    this.#reserve(8)
    this.#batched = this.#batch.writeUInt32LE(indexOf(this.#objectRefs, id), this.#batched)
    this.#batched = this.#batch.writeUInt32LE(0, this.#batched)
    if (this.#batched >= batchBytes) this.#flushBatch()
  }

  namedRef(name: string, id: ObjectId): void {
    this.#checkOpen()
    assertObjectId(id, this.#algorithm)
    if (name.includes('\0')) throw invalidTree('named reference', 'the name holds a NUL')
    this.#namedRefs.set(name, indexOf(this.#streamRefs, id))
  }

  async finish(): Promise<ObjectId> {
    this.#checkOpen()
    this.#done = true
    this.#endRun()
    this.#flushBatch()
    this.#spool.write(await this.#encoder.end())
    const names = this.#newEncoder()
    const text = encodeNamedRefs(this.#namedRefs)
    const namedRefs = Buffer.concat([...(text.length > 0 ? [names.push(text)] : []), await names.end()])
    const prefix = encodeSplitstreamPrefix({
      algorithm: this.#algorithm,
      streamRefs: [...this.#streamRefs.keys()],
      objectRefs: [...this.#objectRefs.keys()],
      namedRefs,
      streamBytes: this.#spool.sizeBytes,
      contentType: this.#contentType,
      sizeBytes: this.#sizeBytes,
    })
    return this.#spool.store(prefix)
  }

  #endRun(): void {
    if (this.#runAt < 0) return
    const length = this.#batched - this.#runAt - 8
    this.#batch.writeBigInt64LE(-BigInt(length), this.#runAt)
    this.#runAt = -1
  }

  /** Room for more of the same run; its length must stand in front of it, so it is kept whole. */
  #reserve(length: number): void {
    const needed = this.#batched + length
    if (needed <= this.#batch.length) return
    if (needed > maxInlineBytes) {
      throw invalidTree('splitstream', `more than ${maxInlineBytes} bytes without an object`)
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#batch.length, needed))
    larger.set(this.#batch.subarray(0, this.#batched))
    this.#batch = larger
  }

  #flushBatch(): void {
    if (this.#batched === 0) return
    this.#spool.write(this.#encoder.push(this.#batch.subarray(0, this.#batched)))
    this.#batched = 0
    if (this.#batch.length > 16 * batchBytes) this.#batch = Buffer.allocUnsafeSlow(2 * batchBytes)
  }

  #checkOpen(): void {
    if (this.#done) throw transactionDone()
  }
}

/** Position of first use. */
function indexOf(refs: Map<ObjectId, number>, id: ObjectId): number {
  let index = refs.get(id)
  if (index === undefined) refs.set(id, (index = refs.size))
  return index
}
