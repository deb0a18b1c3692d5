import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { isDigest, mediaTypes } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import { allBlobs } from './image-builder.js'
import type { BuiltImage, BuiltIndex } from './image-builder.js'
import { errorAnswer, type Answer } from './registry-answer.js'
import { RegistryAuth } from './registry-auth.js'
import type { RegistryAuthOptions } from './registry-auth.js'
import { FaultPlan, sendWithFault } from './registry-faults.js'
import type { Fault, FaultMatch } from './registry-faults.js'

export interface RegistryServerOptions {
  /** Who may pull; default everybody, without a challenge. */
  readonly auth?: RegistryAuthOptions
  /** PEM; serve https instead of http. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

export interface LoggedRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Of a POST. */
  readonly body: string
}

/** A registry in this process, on 127.0.0.1, with images from memory and faults on demand. */
export interface RegistryServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly port: number
  /** Every request, in order of arrival. */
  readonly log: LoggedRequest[]
  /** Add an image or index; without a tag it can be pulled by digest alone. */
  push(repository: string, tag: string | undefined, image: BuiltImage | BuiltIndex): void
  /** Spoil responses whose path matches; `times` of them, default all. Earlier faults come first. */
  fail(match: FaultMatch, fault: Fault, times?: number): void
  clearFaults(): void
  /** No token given out so far is taken any more. */
  revokeTokens(): void
  /** `registry:127.0.0.1:PORT/REPOSITORY:TAG`, or `@DIGEST` for a digest. */
  reference(repository: string, tagOrDigest: string): ImageReference
  close(): Promise<void>
}

/**
 * Serve images by the OCI distribution API, reading side: ping, token, manifests, blobs with ranges, tags.
 *
 * @param images `repository:tag` → image
 */
export async function serveRegistry(
  images: Readonly<Record<string, BuiltImage | BuiltIndex>> = {},
  options: RegistryServerOptions = {},
): Promise<RegistryServer> {
  const state = new RegistryState()
  const faults = new FaultPlan()
  const log: LoggedRequest[] = []
  const auth = new RegistryAuth(options.auth)
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy())
  }
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readText(request)
    const method = request.method ?? 'GET'
    const path = request.url ?? '/'
    log.push({ method, path, headers: request.headers as LoggedRequest['headers'], body })
    const url = new URL(path, 'http://registry')
    const fault = faults.take(method, path)
    const answer =
      auth.token(url, request, body) ??
      auth.refuse(url, request, hostOf(request, options)) ??
      state.answer(url)
    await sendWithFault(request, response, answer, fault)
  }
  const server = options.tls ? createTlsServer(options.tls, onRequest) : createServer(onRequest)
  const port = await listen(server)
  const host = `127.0.0.1:${port}`
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  const registry: RegistryServer = {
    host,
    port,
    log,
    push: (repository, tag, image) => state.push(repository, tag, image),
    fail: (match, fault, times) => faults.add(match, fault, times),
    clearFaults: () => faults.clear(),
    revokeTokens: () => auth.revokeTokens(),
    reference: (repository, what) => ({
      transport: 'registry',
      name: `${host}/${repository}${isDigest(what) ? '@' : ':'}${what}`,
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
  for (const [name, image] of Object.entries(images)) {
    const colon = name.lastIndexOf(':')
    registry.push(name.slice(0, colon), name.slice(colon + 1), image)
  }
  return registry
}

export class RegistryState {
  readonly #repositories = new Map<string, { blobs: Map<string, Uint8Array>; tags: Map<string, string> }>()
  readonly #types = new Map<string, string>()

  push(repository: string, tag: string | undefined, image: BuiltImage | BuiltIndex): void {
    let entry = this.#repositories.get(repository)
    if (!entry) this.#repositories.set(repository, (entry = { blobs: new Map(), tags: new Map() }))
    for (const [digest, bytes] of allBlobs(image)) entry.blobs.set(digest, bytes)
    const digest = 'images' in image ? image.digest : image.manifestDigest
    if ('images' in image) this.#types.set(digest, image.mediaType)
    for (const one of 'images' in image ? image.images : [image]) {
      this.#types.set(one.manifestDigest, one.manifestMediaType)
    }
    if (tag !== undefined) entry.tags.set(tag, digest)
  }

  answer(url: URL): Answer {
    const json = { 'content-type': 'application/json' }
    if (url.pathname === '/v2/') return { status: 200, headers: json, body: Buffer.from('{}') }
    const match = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(url.pathname)
    if (!match) return errorAnswer(404, 'UNSUPPORTED', 'no such endpoint')
    const [, name, kind, what] = match as unknown as [string, string, string, string]
    const repository = this.#repositories.get(name)
    if (!repository) return errorAnswer(404, 'NAME_UNKNOWN', 'repository name not known to registry')
    if (kind === 'tags') {
      const body = Buffer.from(JSON.stringify({ name, tags: [...repository.tags.keys()] }))
      return { status: 200, headers: json, body }
    }
    const digest = isDigest(what) ? what : repository.tags.get(what)
    const body = digest === undefined ? undefined : repository.blobs.get(digest)
    if (digest === undefined || body === undefined) {
      const code = kind === 'blobs' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN'
      return errorAnswer(404, code, `${kind === 'blobs' ? 'blob' : 'manifest'} unknown`)
    }
    const type =
      kind === 'blobs' ? 'application/octet-stream' : (this.#types.get(digest) ?? mediaTypes.ociManifest)
    return { status: 200, headers: { 'content-type': type, 'docker-content-digest': digest }, body }
  }
}

function hostOf(request: IncomingMessage, options: RegistryServerOptions): string {
  return `${options.tls ? 'https' : 'http'}://${request.headers.host ?? ''}`
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
