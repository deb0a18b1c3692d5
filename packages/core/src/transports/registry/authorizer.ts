import type { Challenge } from './challenge.js'
import { knownChallenge } from './challenge.js'
import { basicAuthorization } from './credentials.js'
import type { Credentials } from './credentials.js'
import type { HttpClient, HttpEndpoint } from './http.js'
import type { Timing } from './retry.js'
import { fetchToken } from './token.js'
import type { Token } from './token.js'

export interface Authorization {
  /** Value of the header; undefined when the registry asks for none. */
  readonly header: string | undefined
  /** A token of an earlier request, which the registry may have forgotten meanwhile. */
  readonly reused: boolean
}

export interface AuthorizerOptions {
  readonly http: HttpClient
  readonly timing: Timing
  /** Of the registry's first answer. */
  readonly challenges: readonly Challenge[]
  readonly endpoint: HttpEndpoint
  readonly userAgent: string
}

/** Answers one registry's challenge, keeping tokens for as long as they live. */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #challenge: Challenge | undefined
  readonly #tokens = new Map<string, Token>()
  /** Layers start together: they share one request for a token. */
  readonly #pending = new Map<string, Promise<Token>>()

  constructor(options: AuthorizerOptions) {
    this.#options = options
    this.#challenge = knownChallenge(options.challenges)
  }

  async authorize(scopes: readonly string[], credentials: Credentials | undefined): Promise<Authorization> {
    const challenge = this.#challenge
    if (!challenge) return { header: undefined, reused: false }
    if (challenge.scheme === 'basic') {
      const named = credentials && 'password' in credentials ? credentials : undefined
      if (!named) return { header: undefined, reused: false }
      return { header: basicAuthorization(named.username, named.password), reused: false }
    }
    const key = cacheKey(scopes, credentials)
    const known = this.#tokens.get(key)
    if (known && known.expiresAt > this.#options.timing.now()) return { header: bearer(known), reused: true }
    const token = await this.#fetch(key, challenge, scopes, credentials)
    return { header: bearer(token), reused: false }
  }

  /** The registry no longer takes this token. */
  forget(scopes: readonly string[], credentials: Credentials | undefined): void {
    this.#tokens.delete(cacheKey(scopes, credentials))
  }

  #fetch(
    key: string,
    challenge: Challenge,
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<Token> {
    const pending = this.#pending.get(key)
    if (pending) return pending
    const { http, timing, endpoint, userAgent } = this.#options
    const fetching = fetchToken(http, timing, { challenge, scopes, credentials, endpoint, userAgent })
      .then((token) => {
        this.#tokens.set(key, token)
        return token
      })
      .finally(() => this.#pending.delete(key))
    this.#pending.set(key, fetching)
    return fetching
  }
}

function bearer(token: Token): string {
  return `Bearer ${token.value}`
}

function cacheKey(scopes: readonly string[], credentials: Credentials | undefined): string {
  return JSON.stringify([scopes, credentials])
}
