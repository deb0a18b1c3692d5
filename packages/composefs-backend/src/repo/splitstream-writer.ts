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

/** Numbers and short runs are gathered, so that the compressor is not called for each. */
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
  /** The inline run that has not ended. */
  #run: Uint8Array[] = []
  #runBytes = 0
  #batch = Buffer.allocUnsafe(batchBytes)
  #batched = 0
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
    this.#runBytes += data.length
    this.#sizeBytes += data.length
    if (this.#runBytes > maxInlineBytes) {
      throw invalidTree('splitstream', `more than ${maxInlineBytes} bytes without an object`)
    }
    // The caller's memory may be reused as soon as this returns.
    this.#run.push(Uint8Array.prototype.slice.call(data))
  }

  external(id: ObjectId, sizeBytes: number): void {
    this.#checkOpen()
    assertObjectId(id, this.#algorithm)
    this.#endRun()
    this.#sizeBytes += sizeBytes
    this.#number(BigInt(indexOf(this.#objectRefs, id)))
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
    if (this.#runBytes === 0) return
    this.#number(-BigInt(this.#runBytes))
    for (const data of this.#run) this.#compress(data)
    this.#run = []
    this.#runBytes = 0
  }

  #number(value: bigint): void {
    if (this.#batched + 8 > batchBytes) this.#flushBatch()
    this.#batch.writeBigInt64LE(value, this.#batched)
    this.#batched += 8
  }

  #compress(data: Uint8Array): void {
    if (this.#batched + data.length > batchBytes) this.#flushBatch()
    if (data.length > batchBytes) {
      this.#spool.write(this.#encoder.push(data))
      return
    }
    this.#batch.set(data, this.#batched)
    this.#batched += data.length
  }

  #flushBatch(): void {
    if (this.#batched === 0) return
    this.#spool.write(this.#encoder.push(this.#batch.subarray(0, this.#batched)))
    this.#batched = 0
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
