import { BootcError } from '../../errors.js'
import type { Challenge } from './challenge.js'
import { basicAuthorization } from './credentials.js'
import type { Credentials } from './credentials.js'
import type { HttpClient, HttpEndpoint, HttpRequest } from './http.js'
import { readDocumentBody } from './read-body.js'
import { followRedirects, safeUrl, sendOnce } from './redirect.js'
import { whileRateLimited } from './retry.js'
import type { Timing } from './retry.js'
import { statusError } from './status-error.js'

const MAX_TOKEN_BYTES = 1024 * 1024
const MIN_LIFETIME_MS = 60_000
/** Token servers allow or refuse by client; this is the name that they know from skopeo and podman. */
const CLIENT_ID = 'containers/image'

export interface Token {
  readonly value: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface TokenRequest {
  readonly challenge: Challenge
  /** `repository:ns/app:pull` */
  readonly scopes: readonly string[]
  readonly credentials: Credentials | undefined
  /** A registry that may be talked to without TLS may have a token server without it. */
  readonly endpoint: HttpEndpoint
  readonly userAgent: string
}

/**
 * Get a bearer token: GET with the scopes in the query (anonymous or basic), or POST with an identity token.
 *
 * @throws `TRANSPORT_UNAUTHORIZED` for refused credentials, `TRANSPORT_RATE_LIMITED`, `TRANSPORT_PROTOCOL`, …
 * @see https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/
 */
export async function fetchToken(http: HttpClient, timing: Timing, request: TokenRequest): Promise<Token> {
  const realm = realmUrl(request)
  const { response } = await whileRateLimited(
    () => send(http, httpRequest(realm, request), request.endpoint.insecure),
    timing,
  )
  const where = safeUrl(realm)
  if (response.status !== 200)
    throw await statusError(response, `token server ${where}`, { scopes: request.scopes })
  const issued = timing.now()
  const body = await readDocumentBody(response, 'token', MAX_TOKEN_BYTES)
  return parseToken(Buffer.from(body).toString(), where, issued)
}

/** The body of a POST is an identity token, which nobody but the realm itself may get. */
function send(http: HttpClient, request: HttpRequest, allowDowngrade: boolean) {
  return request.method === 'POST' ? sendOnce(http, request) : followRedirects(http, request, allowDowngrade)
}

function realmUrl({ challenge, endpoint }: TokenRequest): URL {
  const realm = challenge.params.get('realm')
  if (realm === undefined) throw invalid('the registry names no token server')
  let url: URL
  try {
    url = new URL(realm)
  } catch {
    throw invalid('the registry names a token server that is no URL')
  }
  // Passwords go there: in the clear only where the registry itself may be in the clear.
  if (url.protocol !== 'https:' && !(endpoint.insecure && url.protocol === 'http:')) {
    throw invalid(`the registry names a token server without TLS, ${safeUrl(url)}`)
  }
  url.username = ''
  url.password = ''
  return url
}

function httpRequest(
  realm: URL,
  { challenge, scopes, credentials, userAgent, endpoint }: TokenRequest,
): HttpRequest {
  const service = challenge.params.get('service')
  const headers = { 'user-agent': userAgent, 'accept-encoding': 'identity' }
  if (credentials && 'identityToken' in credentials) {
    const form = new URLSearchParams()
    if (service !== undefined) form.append('service', service)
    for (const scope of scopes) form.append('scope', scope)
    form.append('grant_type', 'refresh_token')
    form.append('refresh_token', credentials.identityToken)
    form.append('client_id', CLIENT_ID)
    const type = 'application/x-www-form-urlencoded'
    return {
      method: 'POST',
      url: realm,
      endpoint,
      headers: { ...headers, 'content-type': type },
      body: form.toString(),
    }
  }
  const url = new URL(realm)
  if (credentials?.username) url.searchParams.append('account', credentials.username)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (service !== undefined) url.searchParams.append('service', service)
  if (!credentials?.username || !credentials.password) return { method: 'GET', url, headers, endpoint }
  const authorization = basicAuthorization(credentials.username, credentials.password)
  return { method: 'GET', url, headers: { ...headers, authorization }, endpoint }
}

function parseToken(text: string, where: string, now: number): Token {
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown; issued_at?: unknown }
  try {
    answer = JSON.parse(text) as typeof answer
  } catch {
    throw invalid(`token server ${where} answers something else than JSON`, { url: where, status: 200 })
  }
  const value = [answer?.token, answer?.access_token].find(
    (token) => typeof token === 'string' && token !== '',
  )
  // A token travels in a header: nothing but printable ASCII.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw invalid(`token server ${where} answers without a token`, { url: where, status: 200 })
  }
  const stated = typeof answer.expires_in === 'number' ? answer.expires_in * 1000 : 0
  const issued = typeof answer.issued_at === 'string' ? Date.parse(answer.issued_at) : NaN
  const lifetimeMs = Math.max(stated, MIN_LIFETIME_MS)
  return { value, expiresAt: (Number.isNaN(issued) ? now : issued) + lifetimeMs }
}

function invalid(problem: string, details: Readonly<Record<string, unknown>> = {}): BootcError {
  return new BootcError('TRANSPORT_PROTOCOL', problem, { details })
}
