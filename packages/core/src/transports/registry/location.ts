import { headerValues } from './http.js'
import type { RegistryResponse } from './registry-client.js'

/**
 * Where a registry says that an upload goes on. Other hosts are fine, but what came by TLS does not go on without it
 * unless the registry is insecure anyway.
 *
 * @returns undefined where it says nothing, or names no place to send anything to
 */
export function uploadLocation(response: RegistryResponse, insecure: boolean): URL | undefined {
  const [location] = headerValues(response, 'location')
  if (location === undefined || !URL.canParse(location, response.url.href)) return undefined
  const url = new URL(location, response.url)
  if (url.protocol === 'https:') return url
  return url.protocol === 'http:' && (response.url.protocol === 'http:' || insecure) ? url : undefined
}
