import { BootcError, isBootcError } from '../../errors.js'
import type { Bytes, Digest } from '../../interfaces/common.js'
import { isRetryable } from '../registry/network-error.js'
import { limited } from '../registry/rate-limit.js'
import type { RateLimit } from '../registry/rate-limit.js'
import type { OnRetry, Timing } from '../registry/retry.js'
import { BlobCheck } from './blob-check.js'
import type { ExpectedBlob } from './blob-check.js'
import { copied } from '../../codec/copied.js'
import { checkedStream } from './checked-stream.js'
import { ChunkReader } from './chunk-reader.js'
import type { UploadSession } from './upload-session.js'

const CHUNK_BYTES = 8 * 1024 * 1024
/** Failures in a row that bring nothing; the waits between them add up to half a minute. */
const MAX_FAILURES = 5
/**
 * Uploads that may be lost from the first byte on. docker-registry 2 loses each one whose connection broke within a
 * request, since its own note of how much it has is then out of date.
 */
const MAX_RESTARTS = 5

export interface BlobToUpload {
  readonly expected: ExpectedBlob
  readonly bytes: Bytes
  /** The same bytes again, from an offset on. Without it what broke stays broken. */
  readonly reopen?: ((offset: number) => Bytes) | undefined
}

export interface UploadOptions {
  readonly timing: Timing
  readonly limit?: RateLimit | undefined
  readonly chunkBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: OnRetry | undefined
}

/**
 * Upload a blob: in one request where its size is known, as skopeo does and registries behind old proxies know it
 * alone; in chunks where it is not, and for the rest of what broke on the way.
 *
 * @throws `IMAGE_DIGEST_MISMATCH`, `IMAGE_SIZE_MISMATCH`, `TRANSPORT_*`
 */
export async function uploadBlob(
  session: UploadSession,
  blob: BlobToUpload,
  options: UploadOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const { expected, bytes, reopen } = blob
  const { digest, size } = expected
  const check = new BlobCheck(expected)
  await session.start()
  if (digest === undefined || size === undefined) {
    await new ChunkedUpload(session, check, reopen, options).run(new ChunkReader(bytes), 0)
  } else {
    try {
      const checked = copied(checkedStream(bytes, { digest, size }, check))
      const { limit, signal } = options
      await session.stream(limit === undefined ? checked : limited(checked, limit, signal), size)
    } catch (thrown) {
      const error = sourceError(thrown)
      options.signal?.throwIfAborted()
      if (reopen === undefined || !mayGoOn(error)) throw error
      await new ChunkedUpload(session, check, reopen, options).resume(error)
    }
  }
  const found = check.finish()
  await finish(session, found.digest)
  return found
}

/** What is left, part by part; each part is in memory until the registry has it. */
class ChunkedUpload {
  readonly #session: UploadSession
  readonly #check: BlobCheck
  readonly #reopen: ((offset: number) => Bytes) | undefined
  readonly #options: UploadOptions
  #failures = 0
  #restarts = 0

  constructor(
    session: UploadSession,
    check: BlobCheck,
    reopen: ((offset: number) => Bytes) | undefined,
    options: UploadOptions,
  ) {
    this.#session = session
    this.#check = check
    this.#reopen = reopen
    this.#options = options
  }

  /** After something broke: ask how far it got. */
  async resume(error: BootcError): Promise<void> {
    const offset = await this.#committed(error)
    if (offset > this.#check.hashedBytes) throw error
    await this.run(new ChunkReader(this.#reopen!(offset)), offset)
  }

  async run(source: ChunkReader, start: number): Promise<void> {
    const { chunkBytes = CHUNK_BYTES, limit, signal } = this.#options
    let reader = source
    let offset = start
    try {
      for (;;) {
        const wantedBytes = Math.max(chunkBytes, this.#session.minChunkBytes)
        const part = await reader.read(wantedBytes)
        this.#check.update(part, offset)
        // Fewer bytes than were asked for are the last: they go out only when all is right.
        if (part.length < wantedBytes) this.#check.finish()
        if (part.length === 0) return
        await limit?.take(part.length, signal)
        const reached = await this.#deliver(part, offset)
        if (reached >= offset) {
          offset = reached
          continue
        }
        await reader.close()
        reader = new ChunkReader(this.#reopen!(reached))
        offset = reached
      }
    } finally {
      await reader.close()
    }
  }

  /** @returns the end of the part; less than its start when the registry lost what it had */
  async #deliver(part: Uint8Array, start: number): Promise<number> {
    const end = start + part.length
    for (let at = start; at < end;) {
      let reached: number
      try {
        reached = await this.#session.chunk(part.subarray(at - start), at)
      } catch (thrown) {
        const error = sourceError(thrown)
        this.#options.signal?.throwIfAborted()
        if (!mayGoOn(error)) throw error
        reached = await this.#committed(error)
        if (reached > end) throw error
      }
      if (reached > at) this.#failures = 0
      if (reached >= start) at = reached
      else if (this.#reopen === undefined) throw lost(start, reached)
      else return reached
    }
    return end
  }

  /** Bytes that the registry has, asked after a wait; a new upload begins when it knows nothing of this one. */
  async #committed(error: BootcError): Promise<number> {
    const { timing, signal, onRetry } = this.#options
    for (let reason = error; ;) {
      if (++this.#failures > MAX_FAILURES) throw error
      const waitMs = 1000 * 2 ** (this.#failures - 1) * (1 + timing.random() / 10)
      onRetry?.({ attempt: this.#failures, waitMs, reason: reason.message })
      await timing.sleep(waitMs, signal)
      try {
        return await this.#session.status()
      } catch (thrown) {
        signal?.throwIfAborted()
        if (!isBootcError(thrown)) throw thrown
        reason = thrown
      }
      const isGone =
        reason.code === 'TRANSPORT_NOT_FOUND' ||
        reason.code === 'TRANSPORT_RANGE_UNSUPPORTED' ||
        (reason.code === 'TRANSPORT_PROTOCOL' && !isRetryable(reason))
      if (!isGone) continue
      if (this.#reopen === undefined || ++this.#restarts > MAX_RESTARTS) throw error
      await this.#session.start()
      return 0
    }
  }
}

/** The blob may be there although its answer never came. */
async function finish(session: UploadSession, digest: Digest): Promise<void> {
  try {
    await session.finish(digest)
  } catch (error) {
    if (!isRetryable(error) || !(await session.isStored(digest))) throw error
  }
}

const passing: ReadonlySet<number> = new Set([401, 404, 408, 413, 416, 429, 500])

/** Worth another try: connections that broke, servers that failed, limits of a proxy on the way, old tokens. */
function mayGoOn(error: unknown): error is BootcError {
  if (!isBootcError(error)) return false
  const { status } = error.details as { status?: unknown }
  return isRetryable(error) || (typeof status === 'number' && passing.has(status))
}

/** What is wrong with the bytes says more than the connection that ended because of it. */
function sourceError(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined
  return isBootcError(cause) ? cause : error
}

function lost(start: number, has: number): BootcError {
  return new BootcError('TRANSPORT_PROTOCOL', `the registry lost what it had of an upload`, {
    details: { sentBytes: start, storedBytes: has },
  })
}
