import type { PullSource } from '../../containers-conf/registries-types.js'
import { BootcError, isBootcError } from '../../errors.js'

/**
 * The first place that serves an image. Whatever goes wrong at one place, the next one is tried; when all fail,
 * the last one's error is the answer, and says what the others did.
 *
 * @param serve contacts one place
 * @throws what `serve` threw for the last place; `TRANSPORT_BLOCKED` when that one must not be contacted
 */
export async function firstServed<T>(
  sources: readonly PullSource[],
  serve: (source: PullSource) => Promise<T>,
  signal?: AbortSignal,
): Promise<{ readonly source: PullSource; readonly served: T }> {
  const failures: { readonly name: string; readonly error: unknown }[] = []
  for (const source of sources) {
    signal?.throwIfAborted()
    try {
      if (source.blockedBy !== undefined) throw blocked(source)
      return { source, served: await serve(source) }
    } catch (error) {
      signal?.throwIfAborted()
      failures.push({ name: source.name, error })
    }
  }
  const last = failures.pop()!
  throw failures.length === 0 ? last.error : withMirrors(last.error, failures)
}

/** A place that registries.conf forbids. */
export function blocked({ name, blockedBy }: PullSource): BootcError {
  return new BootcError('TRANSPORT_BLOCKED', `${name}: registry ${blockedBy} is blocked by registries.conf`, {
    details: { name, prefix: blockedBy },
  })
}

function withMirrors(
  error: unknown,
  failures: readonly { readonly name: string; readonly error: unknown }[],
): unknown {
  if (!isBootcError(error)) return error
  const mirrors = failures.map(({ name, error: cause }) => ({
    name,
    ...(isBootcError(cause) ? { code: cause.code } : {}),
    message: cause instanceof Error ? cause.message : String(cause),
  }))
  const told = mirrors.map(({ name, message }) => `[${name}: ${message}]`).join(' ')
  return new BootcError(error.code, `${error.message} (mirrors failed too: ${told})`, {
    details: { ...error.details, mirrors },
    cause: error.cause,
  })
}
