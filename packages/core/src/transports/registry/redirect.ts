import { BootcError } from '../../errors.js'
import { singleHeader } from './http.js'
import type { HttpClient, HttpRequest, HttpResponse } from './http.js'
import { networkError } from './network-error.js'

const MAX_REDIRECTS = 10
const redirectStatus: ReadonlySet<number> = new Set([301, 302, 307, 308])

/** Headers that belong to the origin they were made for; once dropped they stay dropped. */
const private_: readonly string[] = ['authorization', 'cookie']

/** A URL for messages and details: no query (signed URLs), no user info. */
export function safeUrl(url: URL): string {
  return `${url.origin}${url.pathname}`
}

/**
 * Send a GET or HEAD and follow redirects. `Authorization` and `Cookie` go to their own origin (scheme, host
 * and port) only; `Range` and `Accept` go everywhere.
 *
 * @returns `isElsewhere`: the answer of another origin
 * @param allowDowngrade https may redirect to http: only for endpoints that are insecure anyway
 * @throws `TRANSPORT_UNREACHABLE`, `TRANSPORT_TLS`, `TRANSPORT_PROTOCOL`
 */
export async function followRedirects(
  http: HttpClient,
  request: HttpRequest,
  allowDowngrade: boolean,
): Promise<HttpResponse & { readonly url: URL; readonly isElsewhere: boolean }> {
  let { url } = request
  let headers = request.headers
  for (let hops = 0; ; hops++) {
    let response: HttpResponse
    try {
      response = await http.request({ ...request, url, headers })
    } catch (error) {
      request.signal?.throwIfAborted()
      throw networkError(error, safeUrl(url))
    }
    if (!redirectStatus.has(response.status)) {
      return { ...response, url, isElsewhere: url.origin !== request.url.origin }
    }
    await response.discard()
    if (hops === MAX_REDIRECTS) throw refused(url, response, `more than ${MAX_REDIRECTS} redirects`)
    const target = redirectTarget(url, response)
    if (url.protocol === 'https:' && target.protocol !== 'https:' && !allowDowngrade) {
      throw refused(url, response, `redirect from https to ${target.protocol}//${target.host}`)
    }
    if (target.origin !== url.origin) headers = withoutPrivate(headers)
    url = target
  }
}

/** Send something that must not be repeated elsewhere. @throws `TRANSPORT_UNREACHABLE`, `TRANSPORT_TLS` */
export async function sendOnce(
  http: HttpClient,
  request: HttpRequest,
): Promise<HttpResponse & { readonly url: URL }> {
  try {
    return { ...(await http.request(request)), url: request.url }
  } catch (error) {
    request.signal?.throwIfAborted()
    throw networkError(error, safeUrl(request.url))
  }
}

function redirectTarget(from: URL, response: HttpResponse): URL {
  const location = singleHeader(response, 'location')
  let target: URL
  try {
    target = new URL(location ?? '', from)
  } catch {
    throw refused(from, response, 'redirect to something that is no URL')
  }
  if (location === undefined) throw refused(from, response, 'redirect without a location')
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw refused(from, response, `redirect to ${target.protocol}`)
  // User info in a Location would become credentials that nobody gave.
  target.username = ''
  target.password = ''
  return target
}

function withoutPrivate(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !private_.includes(name.toLowerCase())),
  )
}

function refused(url: URL, { status }: HttpResponse, problem: string): BootcError {
  return new BootcError('TRANSPORT_PROTOCOL', `${safeUrl(url)}: ${problem}`, {
    details: { url: safeUrl(url), status },
  })
}
