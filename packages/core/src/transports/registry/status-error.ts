import { BootcError } from '../../errors.js'
import type { ErrorCode } from '../../errors.js'
import type { HttpResponse } from './http.js'
import { readUpTo } from './read-body.js'
import { safeUrl } from './redirect.js'

const MAX_ERROR_BODY_BYTES = 1024 * 1024
const MAX_TEXT = 200

/**
 * What a registry's refusal means. Consumes the body.
 *
 * @param what the thing that was asked for, for the message
 * @param details added to `url`, `status` and the registry's own `errorCode`
 */
export async function statusError(
  response: HttpResponse & { readonly url: URL; readonly isElsewhere?: boolean },
  what: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<BootcError> {
  const { status } = response
  const { errorCode, text } = parseErrorBody(await readUpTo(response, MAX_ERROR_BODY_BYTES))
  const code = errorKind(status, errorCode, text)
  const tail = text === '' ? '' : `: ${text}`
  return new BootcError(code, `${what}: ${response.url.host} answers ${status}${tail}`, {
    details: {
      url: safeUrl(response.url),
      status,
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(isPassing(response) ? { retryable: true } : {}),
      ...details,
    },
  })
}

/** Failures of a server, and signed addresses that expired: the registry gives a new one. */
function isPassing({ status, isElsewhere }: HttpResponse & { readonly isElsewhere?: boolean }): boolean {
  if (status === 408 || status === 500 || (status >= 502 && status <= 504)) return true
  return isElsewhere === true && (status === 400 || status === 401 || status === 403 || status === 410)
}

function errorKind(status: number, errorCode: string | undefined, text: string): ErrorCode {
  if (status === 429 || errorCode === 'TOOMANYREQUESTS') return 'TRANSPORT_RATE_LIMITED'
  if (errorCode === 'MANIFEST_UNKNOWN' || errorCode === 'NAME_UNKNOWN' || errorCode === 'BLOB_UNKNOWN') {
    return 'TRANSPORT_NOT_FOUND'
  }
  // registry.redhat.io and Harbor say it in words.
  if (errorCode === 'UNKNOWN' && /not found/i.test(text)) return 'TRANSPORT_NOT_FOUND'
  if (status === 401 || errorCode === 'UNAUTHORIZED') return 'TRANSPORT_UNAUTHORIZED'
  if (status === 403 || errorCode === 'DENIED') return 'TRANSPORT_DENIED'
  if (status === 404) return 'TRANSPORT_NOT_FOUND'
  if (status === 416) return 'TRANSPORT_RANGE_UNSUPPORTED'
  return 'TRANSPORT_PROTOCOL'
}

/** `{"errors": [{code, message}]}`, `{"details": "…"}` or anything at all. */
function parseErrorBody(body: Uint8Array): { errorCode?: string; text: string } {
  const plain = Buffer.from(body).toString()
  try {
    const value = JSON.parse(plain) as { errors?: unknown; details?: unknown }
    const first = (Array.isArray(value?.errors) ? value.errors[0] : undefined) as
      { code?: unknown; message?: unknown } | undefined
    const text = first ? first.message : value?.details
    return {
      text: excerpt(typeof text === 'string' ? text : ''),
      ...(typeof first?.code === 'string' ? { errorCode: excerpt(first.code) } : {}),
    }
  } catch {
    return { text: /^\s*</.test(plain) ? '' : excerpt(plain) }
  }
}

/** Printable, on one line, short. */
function excerpt(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim()
    .slice(0, MAX_TEXT)
}
