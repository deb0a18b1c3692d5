import type { IncomingMessage } from 'node:http'
import type { ConnectionOptions } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { BootcError, isBootcError, type Bytes } from '@bootc-sdk/core'

export interface HttpOptions {
  readonly signal?: AbortSignal | undefined
  /** Of a request, from its start to its headers, and between two chunks. Default 30,000. */
  readonly timeoutMs?: number
  /** Extra tries after a transient failure. Default 5. */
  readonly retries?: number
  /** Wait before the first of them; doubles each time. Default 250. */
  readonly retryDelayMs?: number
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>
}

const maxRedirects = 10

/**
 * GET with retries. `consume` sees the body of a 200 answer and may run again after a failure.
 *
 * @returns undefined for 403, 404 and 410, which mean "not there" to OSTree
 * @throws BootcError `STORE_OSTREE_FETCH`
 */
export async function httpGet<T>(
  url: string,
  consume: (body: Bytes, sizeBytes: number | undefined) => Promise<T>,
  options: HttpOptions = {},
): Promise<T | undefined> {
  const { signal, retries = 5, retryDelayMs = 250 } = options
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw failed(url, 'is no URL of http or https')
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await getOnce(url, consume, options, 0)
    } catch (error) {
      signal?.throwIfAborted()
      const transient = isBootcError(error, 'STORE_OSTREE_FETCH') && isTransient(error.details.status)
      if (!transient || attempt >= retries) throw error
      await sleep(retryDelayMs * 2 ** attempt, undefined, signal === undefined ? {} : { signal }).catch(
        (cancelled: unknown) => {
          throw signal?.aborted === true ? signal.reason : cancelled
        },
      )
    }
  }
}

function isTransient(status: number | undefined): boolean {
  return status === undefined || status === 408 || status === 429 || status >= 500
}

async function getOnce<T>(
  url: string,
  consume: (body: Bytes, sizeBytes: number | undefined) => Promise<T>,
  options: HttpOptions,
  redirects: number,
): Promise<T | undefined> {
  const response = await send(url, options)
  try {
    const status = response.statusCode ?? 0
    if (status === 403 || status === 404 || status === 410) return undefined
    const { location } = response.headers
    if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
      if (!URL.canParse(location, url)) throw failed(url, 'redirected to no URL', status)
      const next = new URL(location, url)
      if (redirects >= maxRedirects) throw failed(url, 'too many redirects', status)
      if (next.protocol !== 'https:' && (url.startsWith('https:') || next.protocol !== 'http:')) {
        throw failed(url, `redirected to ${next.protocol}`, status)
      }
      response.destroy()
      return await getOnce(next.href, consume, options, redirects + 1)
    }
    if (status !== 200) throw failed(url, `status ${status}`, status)
    const length = Number(response.headers['content-length'])
    return await consume(body(url, response), Number.isSafeInteger(length) ? length : undefined)
  } finally {
    response.destroy()
  }
}

async function send(url: string, options: HttpOptions): Promise<IncomingMessage> {
  const { signal, timeoutMs = 30_000, tls } = options
  // Loading both costs several milliseconds, which programs that only look at a repository would pay too.
  const { request: start } = await (url.startsWith('https:') ? import('node:https') : import('node:http'))
  return new Promise((resolve, reject) => {
    const request = start(
      url,
      {
        headers: { 'user-agent': 'bootc-sdk', 'accept-encoding': 'identity' },
        timeout: timeoutMs,
        ...(signal === undefined ? {} : { signal }),
        ...tls,
      },
      resolve,
    )
    request.on('timeout', () => request.destroy(new Error(`no answer for ${timeoutMs} ms`)))
    request.on('error', (error) => reject(failed(url, error.message, undefined, error)))
    request.end()
  })
}

async function* body(url: string, response: IncomingMessage): Bytes {
  try {
    yield* response as AsyncIterable<Buffer>
  } catch (error) {
    throw failed(url, (error as Error).message, undefined, error)
  }
  if (!response.complete) throw failed(url, 'answer ended early')
}

function failed(
  url: string,
  reason: string,
  status?: number,
  cause?: unknown,
): BootcError<'STORE_OSTREE_FETCH'> {
  return new BootcError('STORE_OSTREE_FETCH', `${url}: ${reason}`, {
    details: { url, reason, ...(status === undefined ? {} : { status }) },
    cause,
  })
}
