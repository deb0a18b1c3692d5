/** `sha256:` or `sha512:` and lower-case hex digits, as in OCI descriptors. */
export type Digest = `${'sha256' | 'sha512'}:${string}`

/**
 * A stream of bytes, to be iterated once. Every chunk belongs to the reader (the producer never touches it
 * again); the producer releases what it holds in `finally`, so leaving the loop early is safe.
 */
export type Bytes = AsyncIterable<Uint8Array>

/** Last argument of every asynchronous operation. */
export interface OpOptions<E = import('../progress.js').ProgressEvent> {
  /** Aborting rejects with `signal.reason`; nothing visible has changed then. */
  signal?: AbortSignal | undefined
  /** Informs; nothing may depend on it. */
  onProgress?: ((event: E) => void) | undefined
}

/** Something a caller should know although the operation succeeded. */
export interface Warning {
  /** Stable, for matching: `image:label-missing`, `etc:type-conflict`. */
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}
