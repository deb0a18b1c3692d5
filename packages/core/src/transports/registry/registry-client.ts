import { BootcError } from '../../errors.js'
import { registryHost } from '../../oci/registry-name.js'
import { Authorizer } from './authorizer.js'
import { insufficientScope, parseChallenges } from './challenge.js'
import type { Bytes } from '../../interfaces/common.js'
import type { CredentialSource } from './credentials.js'
import { headerValues } from './http.js'
import type { HttpClient, HttpEndpoint, HttpResponse } from './http.js'
import { followRedirects, sendOnce } from './redirect.js'
import { whileRateLimited } from './retry.js'
import type { OnRetry, Timing } from './retry.js'
import { statusError } from './status-error.js'

export interface RegistryClientOptions {
  readonly http: HttpClient
  readonly timing: Timing
  readonly userAgent: string
  readonly credentials?: CredentialSource | undefined
  /** Plain HTTP and unknown certificates are fine for this host. */
  readonly insecure: boolean
}

export interface GetOptions {
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD'
  readonly accept?: string
  /** Value of `Range`. */
  readonly range?: string
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: OnRetry | undefined
}

/** Any other request of the API. */
export interface SendOptions {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/v2/<repository>/`, or where an earlier answer said to go on. */
  readonly path: string | URL
  readonly headers?: Readonly<Record<string, string>>
  /** A stream is never sent twice: whoever gives one has seen to it that a token is at hand. */
  readonly body?: string | Uint8Array | Bytes
  /** Beside reading and writing this repository. */
  readonly scopes?: readonly string[]
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: OnRetry | undefined
}

export type RegistryResponse = HttpResponse & {
  readonly url: URL
  readonly attempts: number
  /** Where a redirect led, at another origin. */
  readonly isElsewhere?: boolean
}

interface Endpoint {
  readonly base: URL
  readonly authorizer: Authorizer
}

/** Authorized requests to one registry. */
export class RegistryClient {
  readonly #registry: string
  readonly #options: RegistryClientOptions
  #endpoint: Promise<Endpoint> | undefined

  /** @param registry as references have it: `docker.io`, `quay.io`, `127.0.0.1:5000` */
  constructor(registry: string, options: RegistryClientOptions) {
    this.#registry = registry
    this.#options = options
  }

  /**
   * GET `/v2/<repository>/<path>` with whatever authorization the registry asked for.
   *
   * @returns any status but a redirect; the caller reads or discards the body
   * @throws `TRANSPORT_UNREACHABLE`, `TRANSPORT_TLS`, `TRANSPORT_UNAUTHORIZED` (token server), …
   */
  get(repository: string, path: string | URL, options: GetOptions = {}): Promise<RegistryResponse> {
    const { method = 'GET', accept, range, signal, onRetry } = options
    const headers = { ...(accept ? { accept } : {}), ...(range ? { range } : {}) }
    return this.#request(repository, [`repository:${repository}:pull`], {
      method,
      path,
      headers,
      signal,
      onRetry,
    })
  }

  /**
   * A request that may change something, authorized for reading and writing. Redirects are followed only for GET and
   * HEAD.
   */
  send(repository: string, options: SendOptions): Promise<RegistryResponse> {
    const scopes = [`repository:${repository}:pull,push`, ...(options.scopes ?? [])]
    return this.#request(repository, scopes, options)
  }

  async #request(
    repository: string,
    scopes: readonly string[],
    options: SendOptions,
  ): Promise<RegistryResponse> {
    const { method, body, signal } = options
    const { base, authorizer } = await abortable(this.#connect(), signal)
    const url =
      options.path instanceof URL ? options.path : new URL(`/v2/${repository}/${options.path}`, base)
    const credentials = await this.#options.credentials?.({ registry: this.#registry, repository })
    // An upload may go on at another host, which is none of our credentials' business.
    const isOwn = url.origin === base.origin
    const isOnce = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)

    const send = async (
      wanted: readonly string[],
    ): Promise<Omit<RegistryResponse, 'attempts'> & { reused: boolean }> => {
      const { header, reused } = isOwn
        ? await abortable(authorizer.authorize(wanted, credentials), signal)
        : { header: undefined, reused: false }
      const headers = {
        ...this.#headers(),
        ...options.headers,
        ...(header ? { authorization: header } : {}),
      }
      const request = {
        method,
        url,
        headers,
        signal,
        endpoint: this.endpoint,
        ...(body === undefined ? {} : { body }),
      }
      const { http, insecure } = this.#options
      const response =
        method === 'GET' || method === 'HEAD'
          ? await followRedirects(http, request, insecure)
          : await sendOnce(http, request)
      return { ...response, reused }
    }

    const once = async (): Promise<Omit<RegistryResponse, 'attempts'>> => {
      const response = await send(scopes)
      if (response.status !== 401 || response.url.origin !== url.origin || isOnce) return response
      const lacking = insufficientScope(parseChallenges(headerValues(response, 'www-authenticate')))
      if (lacking !== undefined && !scopes.includes(lacking)) {
        await response.discard()
        return send([...scopes, lacking])
      }
      if (!response.reused) return response
      await response.discard()
      authorizer.forget(scopes, credentials)
      return send(scopes)
    }
    if (isOnce) return { ...(await once()), attempts: 1 }
    const { response, attempts } = await whileRateLimited(once, this.#options.timing, options)
    return { ...response, attempts }
  }

  /** As references have it. */
  get registry(): string {
    return this.#registry
  }

  /** Whose certificates count, for requests beside the API. */
  get endpoint(): HttpEndpoint {
    return { registry: this.#registry, insecure: this.#options.insecure }
  }

  /** The first answer decides scheme and challenges; a failure is not remembered. */
  #connect(): Promise<Endpoint> {
    this.#endpoint ??= this.#ping().catch((error: unknown) => {
      this.#endpoint = undefined
      throw error
    })
    return this.#endpoint
  }

  async #ping(): Promise<Endpoint> {
    const host = registryHost(this.#registry)
    try {
      return await this.#pingAt(new URL(`https://${host}/`))
    } catch (error) {
      if (!this.#options.insecure || !isConnectionError(error)) throw error
      try {
        return await this.#pingAt(new URL(`http://${host}/`))
      } catch (plainError) {
        // With TLS up and running, what it said is the better explanation.
        throw isConnectionError(plainError) && (error as BootcError).code === 'TRANSPORT_TLS'
          ? error
          : plainError
      }
    }
  }

  async #pingAt(base: URL): Promise<Endpoint> {
    const { http, timing, insecure, userAgent } = this.#options
    const { endpoint } = this
    const url = new URL('/v2/', base)
    const { response } = await whileRateLimited(
      () => followRedirects(http, { method: 'GET', url, headers: this.#headers(), endpoint }, insecure),
      timing,
    )
    if (response.status !== 200 && response.status !== 401)
      throw await statusError(response, `registry ${base.host}`)
    await response.discard()
    const challenges = parseChallenges(headerValues(response, 'www-authenticate'))
    return { base, authorizer: new Authorizer({ http, timing, challenges, endpoint, userAgent }) }
  }

  #headers(): Record<string, string> {
    return {
      'user-agent': this.#options.userAgent,
      'docker-distribution-api-version': 'registry/2.0',
      'accept-encoding': 'identity',
    }
  }
}

function isConnectionError(error: unknown): boolean {
  const code = error instanceof BootcError ? error.code : undefined
  return code === 'TRANSPORT_TLS' || code === 'TRANSPORT_UNREACHABLE'
}

/** Stop waiting for work that others share. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
