import { BootcError } from '../../errors.js'
import type { HttpResponse } from './http.js'
import { networkError } from './network-error.js'
import { safeUrl } from './redirect.js'

/**
 * A document whole. Bytes are counted, whatever `Content-Length` says.
 *
 * @param what for the message: `manifest`, `token`
 * @throws `IMAGE_TOO_LARGE`, `TRANSPORT_UNREACHABLE`
 */
export async function readDocumentBody(
  response: HttpResponse & { readonly url: URL },
  what: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const chunk of response.body) {
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) break
      chunks.push(chunk)
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw networkError(error, safeUrl(response.url))
  }
  if (sizeBytes > maxBytes) {
    throw new BootcError('IMAGE_TOO_LARGE', `${what} is larger than ${maxBytes} bytes`, {
      details: { url: safeUrl(response.url), limitBytes: maxBytes },
    })
  }
  return Buffer.concat(chunks)
}

/** The beginning of a body, for messages: never fails. */
export async function readUpTo(response: HttpResponse, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let left = maxBytes
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) break
    }
  } catch {
    // Half a message is good enough.
  }
  return Buffer.concat(chunks)
}
