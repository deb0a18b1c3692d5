import type { Descriptor } from '../../oci/types.js'
import { notFound } from '../transport-errors.js'
import type { HttpClient } from './http.js'
import { followRedirects } from './redirect.js'
import type { RegistryResponse } from './registry-client.js'

/**
 * A layer from the `urls` of its descriptor: the first that answers, without any credentials.
 *
 * @throws `TRANSPORT_NOT_FOUND` with the last failure as its cause
 */
export async function openForeign(
  http: HttpClient,
  layer: Descriptor,
  options: {
    readonly range: string | undefined
    readonly signal: AbortSignal | undefined
    readonly insecure: (host: string) => boolean
  },
): Promise<RegistryResponse> {
  const headers = { 'accept-encoding': 'identity', ...(options.range ? { range: options.range } : {}) }
  let lastError: unknown
  for (const text of layer.urls ?? []) {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.protocol !== 'https:' && url?.protocol !== 'http:') continue
    url.username = ''
    url.password = ''
    try {
      const request = { method: 'GET', url, headers, signal: options.signal } as const
      const response = await followRedirects(http, request, options.insecure(url.host))
      if (response.status === 200 || response.status === 206) return { ...response, attempts: 1 }
      await response.discard()
      lastError = new Error(`${url.host} answers ${response.status}`)
    } catch (error) {
      options.signal?.throwIfAborted()
      lastError = error
    }
  }
  throw notFound(`layer ${layer.digest}`, { digest: layer.digest }, lastError)
}
