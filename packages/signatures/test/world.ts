import { readFileSync } from 'node:fs'
import { loadHostCertificates, type ConfReader } from '@bootc-sdk/core/containers-conf'
import { memoryConf } from '@bootc-sdk/core/testing'
import type { HttpClient, HttpRequest, HttpResponse } from '@bootc-sdk/core/transports'
import { answer, isManifest, names, type Served } from './golden/trust/answers.mjs'

/** One row of the table. */
export interface TrustCase {
  readonly id: string
  /** `find`: only look for the image. `copy`: judge it, too. */
  readonly kind: 'find' | 'copy'
  readonly reference: string
  /** Path without its leading slash → text, `@base64:…`, or `@cert:NAME` for a certificate of the world. */
  readonly files: Readonly<Record<string, string>>
  readonly served?: readonly Served[]
  readonly expect: { readonly class: string; readonly requests: readonly string[] }
}

export interface TrustTable {
  readonly tool: string
  /** Milliseconds since the epoch: certificates in the table are judged as of then. */
  readonly madeAt: number
  /** Directory that images by path lie in. */
  readonly work: string
  readonly cases: readonly TrustCase[]
}

export const table = JSON.parse(
  readFileSync(new URL('golden/trust/cases.json', import.meta.url), 'utf8'),
) as TrustTable

/** The files of a case as a machine's. */
export function memoryReader(files: TrustCase['files']): ConfReader {
  return memoryConf(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [`/${path}`, bytesOf(text)])),
  )
}

function bytesOf(text: string): Buffer {
  return text.startsWith('@base64:') ? Buffer.from(text.slice(8), 'base64') : Buffer.from(text)
}

/**
 * The world of `world.mjs` without sockets: who exists, who speaks TLS on which port, and whose certificate is by a
 * CA that only some machines know.
 *
 * @param requests receives `SCHEME://HOST/PATH` of every manifest that is asked for
 */
export function memoryWorld(one: TrustCase, reader: ConfReader, requests: string[]): HttpClient {
  const certificates = async (registry: string) => {
    const found = await loadHostCertificates(registry, { reader, env: { HOME: '/root' } })
    const knowsHidden = found?.ca.some((text) => text.includes('hidden-ca')) ?? false
    return { knowsHidden, hasClient: (found?.clients.length ?? 0) > 0 }
  }
  return {
    async request({ url, headers, endpoint }: HttpRequest): Promise<HttpResponse> {
      const { protocol, hostname, port, host, pathname } = url
      if (!names.includes(hostname)) throw failure('ENOTFOUND')
      const { knowsHidden, hasClient } = await certificates(endpoint?.registry ?? host)
      if (protocol === 'https:') {
        if (port === '5080') throw failure('EPROTO')
        if (hostname === 'plain.test') throw failure('ECONNRESET')
        const isHidden = hostname === 'untrusted.test' || hostname === 'private.test'
        if (isHidden && !knowsHidden && endpoint?.insecure !== true)
          throw failure('SELF_SIGNED_CERT_IN_CHAIN')
      } else if (port === '5000') throw failure('ECONNRESET')
      const path = decodeURIComponent(pathname)
      if (isManifest(path)) requests.push(`${protocol}//${host}${path}`)
      const { served = [] } = one
      const response = answer({ host, path, authorization: headers['authorization'], hasClient, served })
      return {
        status: response.status,
        headers: response.headers,
        body: bodyOf(response.body),
        discard: () => Promise.resolve(),
      }
    },
    close: () => Promise.resolve(),
  }
}

async function* bodyOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}

function failure(code: string): Error {
  return Object.assign(new Error(`the world says ${code}`), { code })
}
