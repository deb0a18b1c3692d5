import type { IncomingHttpHeaders } from 'node:http'
import { errorAnswer, type Answer } from './registry-answer.js'

export type RegistryAuthOptions =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'bearer'
      /** Who gets tokens; default everybody. */
      readonly username?: string
      readonly password?: string
      /** Taken instead of a password, by POST. */
      readonly identityToken?: string
      /** A scope that tokens need besides the repository's own; asked for with `insufficient_scope`. */
      readonly extraScope?: string
      /** Answer with `access_token` instead of `token`. */
      readonly accessToken?: boolean
      readonly expiresInSeconds?: number
      /** Default: `/token` here. */
      readonly realm?: string
    }

const SERVICE = 'test registry'

interface AuthRequest {
  readonly method?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** Challenges and tokens of the test registry. */
export class RegistryAuth {
  readonly #options: RegistryAuthOptions | undefined
  readonly #tokens = new Map<string, readonly string[]>()
  #issued = 0

  constructor(options: RegistryAuthOptions | undefined) {
    this.#options = options
  }

  revokeTokens(): void {
    this.#tokens.clear()
  }

  /** Answer of the token endpoint; undefined for other requests. */
  token(url: URL, request: AuthRequest, body: string): Answer | undefined {
    const options = this.#options
    if (options?.kind !== 'bearer' || url.pathname !== '/token') return undefined
    const isPost = request.method === 'POST'
    const params = isPost ? new URLSearchParams(body) : url.searchParams
    const allowed = isPost
      ? params.get('refresh_token') === options.identityToken && params.get('grant_type') === 'refresh_token'
      : options.username === undefined || request.headers.authorization === basic(options)
    if (!allowed) return errorAnswer(401, 'UNAUTHORIZED', 'wrong credentials')
    if (params.get('service') !== SERVICE) return errorAnswer(400, 'UNSUPPORTED', 'unknown service')
    const token = `token-${++this.#issued}`
    this.#tokens.set(token, params.getAll('scope'))
    const answer = {
      [options.accessToken ? 'access_token' : 'token']: token,
      expires_in: options.expiresInSeconds ?? 300,
    }
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(answer)),
    }
  }

  /** 401 for a request that may not be answered; undefined when it may. */
  refuse(url: URL, request: AuthRequest, origin: string): Answer | undefined {
    const options = this.#options
    if (!options) return undefined
    const header = request.headers.authorization
    if (options.kind === 'basic') {
      if (header === basic(options)) return undefined
      return errorAnswer(401, 'UNAUTHORIZED', 'log in', {
        'www-authenticate': 'Basic realm="test \\"registry\\""',
      })
    }
    const bearer = `Bearer realm="${options.realm ?? `${origin}/token`}",service="${SERVICE}"`
    const scopes = header?.startsWith('Bearer ') ? this.#tokens.get(header.slice(7)) : undefined
    if (!scopes) return errorAnswer(401, 'UNAUTHORIZED', 'no token', { 'www-authenticate': bearer })
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//.exec(url.pathname)?.[1]
    const needed = [
      ...(repository === undefined ? [] : [`repository:${repository}:pull`]),
      ...(options.extraScope === undefined ? [] : [options.extraScope]),
    ]
    const lacking = needed.find((scope) => !scopes.includes(scope))
    if (lacking === undefined) return undefined
    const challenge = `${bearer},scope="${lacking}",error="insufficient_scope"`
    return errorAnswer(401, 'UNAUTHORIZED', 'insufficient scope', { 'www-authenticate': challenge })
  }
}

function basic({ username = '', password = '' }: { username?: string; password?: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
