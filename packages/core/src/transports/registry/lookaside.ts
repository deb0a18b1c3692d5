import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { maxSignatureBytes, parseStoredSignature } from '../../containers-conf/index.js'
import type { ImageSignature } from '../../containers-conf/index.js'
import { BootcError } from '../../errors.js'
import type { Digest } from '../../interfaces/common.js'
import { digestAlgorithm, digestHex } from '../../oci/digest.js'
import { signatureBudget, signatureInvalid } from '../signature-error.js'
import type { HttpClient, HttpEndpoint } from './http.js'
import { readDocumentBody } from './read-body.js'
import { followRedirects, safeUrl } from './redirect.js'
import { statusError } from './status-error.js'

export interface LookasideRequest {
  /** URL of the tree of signatures; default: the directory that skopeo writes to. */
  readonly base: string | undefined
  readonly repository: string
  /** Of the manifest or index. */
  readonly digest: Digest
  readonly endpoint: HttpEndpoint
  readonly userAgent: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Signatures `BASE/REPOSITORY@sha256=HEX/signature-1`, 2, 3 … until one is missing, without any credentials.
 *
 * @throws `IMAGE_SIGNATURE_INVALID`, `TRANSPORT_CONFIG_INVALID`, `TRANSPORT_*`
 * @see containers-registries.d(5), containers/image 5.34 docker/docker_image_src.go
 */
export async function readLookaside(http: HttpClient, request: LookasideRequest): Promise<ImageSignature[]> {
  const base = baseUrl(request.base)
  const signatures: ImageSignature[] = []
  const count = signatureBudget(`signatures of ${request.repository}`)
  for (let i = 1; ; i++) {
    request.signal?.throwIfAborted()
    const url = new URL(base)
    const { repository, digest } = request
    const place = `${repository}@${digestAlgorithm(digest)}=${digestHex(digest)}/signature-${i}`
    url.pathname = `${url.pathname}/${place}`
    const bytes = url.protocol === 'file:' ? await readLocal(url) : await readRemote(http, url, request)
    if (bytes === undefined) return signatures
    count(bytes)
    try {
      signatures.push(parseStoredSignature(bytes))
    } catch (cause) {
      throw signatureInvalid(
        url.protocol === 'file:' ? fileURLToPath(url) : safeUrl(url),
        (cause as Error).message,
        cause,
      )
    }
  }
}

function baseUrl(text: string | undefined): URL {
  if (text === undefined) {
    const isRoot = process.geteuid?.() === 0
    return pathToFileURL(
      isRoot ? '/var/lib/containers/sigstore' : join(homedir(), '.local/share/containers/sigstore'),
    )
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^(?:https?|file):$/.test(url.protocol)) return url
  throw new BootcError(
    'TRANSPORT_CONFIG_INVALID',
    `lookaside ${JSON.stringify(text)} is no URL of a known kind`,
    {
      details: { lookaside: text },
    },
  )
}

async function readLocal(url: URL): Promise<Uint8Array | undefined> {
  const path = fileURLToPath(url)
  try {
    const bytes = await readFile(path)
    if (bytes.length <= maxSignatureBytes) return bytes
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw signatureInvalid(path, `cannot be read (${code ?? 'unknown error'})`, cause)
  }
  throw signatureInvalid(path, `larger than ${maxSignatureBytes} bytes`)
}

async function readRemote(
  http: HttpClient,
  url: URL,
  { endpoint, userAgent, signal }: LookasideRequest,
): Promise<Uint8Array | undefined> {
  url.username = ''
  url.password = ''
  const headers = { 'user-agent': userAgent, 'accept-encoding': 'identity' }
  const request = { method: 'GET', url, headers, signal, endpoint } as const
  const response = await followRedirects(http, request, endpoint.insecure)
  if (response.status === 200) return readDocumentBody(response, 'signature', maxSignatureBytes, signal)
  if (response.status !== 404) throw await statusError(response, `signature ${safeUrl(url)}`)
  await response.discard()
  return undefined
}
