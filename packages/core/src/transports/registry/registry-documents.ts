import type { Digest, OpOptions, Warning } from '../../interfaces/common.js'
import { manifestAccept, maxDocumentBytes, sha256Digest } from '../../oci/index.js'
import type { ServedDocument } from '../resolve-image.js'
import { headerValues, singleHeader } from './http.js'
import { readDocumentBody } from './read-body.js'
import type { RegistryClient, RegistryResponse } from './registry-client.js'
import { withRetries } from './retry.js'
import type { OnRetry, Timing } from './retry.js'
import { serverWarnings } from './server-warnings.js'
import { statusError } from './status-error.js'

export interface DocumentOptions extends OpOptions {
  /** The reference that was asked for, for messages and events. */
  readonly printed: string
  readonly retries: number
  readonly timing: Timing
  /** Receives what the registry says besides, and what is odd about its headers. */
  readonly warnings: Warning[]
}

/** Manifests and configs of one repository; digests are for the caller to check. */
export interface RegistryDocuments {
  /** @param which a tag or digest */
  manifest(which: string): Promise<ServedDocument>
  config(digest: Digest): Promise<Uint8Array>
}

/** @throws (when read) `TRANSPORT_*`, `IMAGE_TOO_LARGE` */
export function registryDocuments(
  client: RegistryClient,
  repository: string,
  options: DocumentOptions,
): RegistryDocuments {
  const { printed, retries, timing, warnings, signal } = options
  const onRetry = retryEvents(options, printed)
  const get = (path: string, what: string, accept?: string) => {
    const work = async () => {
      const asked = { ...(accept === undefined ? {} : { accept }), signal, onRetry }
      const response = await client.get(repository, path, asked)
      warnings.push(...serverWarnings(headerValues(response, 'warning')))
      if (response.status !== 200) throw await responseError(response, `${printed} (${what})`, printed)
      return { response, bytes: await readDocumentBody(response, what, maxDocumentBytes, signal) }
    }
    return withRetries(work, retries, timing, { signal, onRetry })
  }
  return {
    async manifest(which) {
      const { response, bytes } = await get(`manifests/${which}`, 'manifest', manifestAccept)
      warnings.push(...digestHeaderWarnings(response, bytes))
      const contentType = singleHeader(response, 'content-type')
      return { bytes, ...(contentType === undefined ? {} : { contentType }) }
    },
    config: async (digest) => (await get(`blobs/${digest}`, 'config')).bytes,
  }
}

export function retryEvents({ onProgress }: OpOptions, id: string): OnRetry | undefined {
  return onProgress && ((detail) => onProgress({ type: 'pull:retry', detail: { id, ...detail } }))
}

/** What a refusal means. @param what for the message */
export function responseError(response: RegistryResponse, what: string, reference: string, digest?: string) {
  const { attempts } = response
  return statusError(response, what, {
    reference,
    ...(digest === undefined ? {} : { digest }),
    ...(attempts > 1 ? { attempts } : {}),
  })
}

/** The header is never trusted; a wrong one is worth a word. */
function digestHeaderWarnings(response: RegistryResponse, bytes: Uint8Array): Warning[] {
  const header = singleHeader(response, 'docker-content-digest')
  const actual = sha256Digest(bytes)
  if (header === undefined || !header.startsWith('sha256:') || header === actual) return []
  const details = { header: header.slice(0, 100), actual }
  const message = `the registry calls the manifest ${details.header}, its bytes hash to ${actual}`
  return [{ code: 'transport:digest-header', message, details }]
}
