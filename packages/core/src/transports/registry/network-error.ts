import { BootcError, isBootcError } from '../../errors.js'

/** Errors of Node and undici after which the same request may well succeed. */
const transient: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'EPIPE',
  'EAGAIN',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RESPONSE',
])

const certificate = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/

/** What came is no HTTP, or too much of it. */
const garbled = /^(HPE_|UND_ERR_HEADERS_OVERFLOW$|UND_ERR_INVALID_)/

/**
 * A failed connection as an error of ours: `TRANSPORT_TLS`, `TRANSPORT_PROTOCOL` for what is no HTTP, or
 * `TRANSPORT_UNREACHABLE` with `retryable`.
 *
 * @param where URL without query and user info
 */
export function networkError(
  error: unknown,
  where: string,
  details: Readonly<Record<string, unknown>> = {},
): BootcError {
  if (isBootcError(error)) return error
  const code = codeOf(error)
  if (code !== undefined && certificate.test(code)) {
    return new BootcError('TRANSPORT_TLS', `no trusted connection to ${where}: ${describe(error, code)}`, {
      details: { url: where, errno: code, retryable: false, ...details },
      cause: error,
    })
  }
  if (code !== undefined && garbled.test(code)) {
    return new BootcError('TRANSPORT_PROTOCOL', `${where} does not speak HTTP: ${describe(error, code)}`, {
      details: { url: where, errno: code, retryable: true, ...details },
      cause: error,
    })
  }
  return new BootcError('TRANSPORT_UNREACHABLE', `${where} does not answer: ${describe(error, code)}`, {
    details: { url: where, errno: code, retryable: isTransient(error, code), ...details },
    cause: error,
  })
}

/** True for errors after which the same request may well succeed. */
export function isRetryable(error: unknown): boolean {
  return isBootcError(error) && (error.details as { retryable?: unknown }).retryable === true
}

function isTransient(error: unknown, code: string | undefined): boolean {
  if (code !== undefined) return transient.has(code)
  return error instanceof Error && /^(terminated|other side closed|aborted)$/.test(error.message)
}

function describe(error: unknown, code: string | undefined): string {
  const message = error instanceof Error ? error.message : ''
  // Messages of TLS errors go on for lines; some carry no text at all.
  return message.split('\n')[0]!.slice(0, 200) || code || 'unknown network error'
}

/** The first `code` on the chain of causes; `connect` to several addresses fails with an AggregateError. */
function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; depth++) {
    const code = (at as NodeJS.ErrnoException).code
    if (typeof code === 'string' && code !== '') return code
    at = at instanceof AggregateError ? at.errors[0] : at.cause
  }
  return undefined
}
