import { Readable } from 'node:stream'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Dispatcher } from 'undici'
import type { Bytes } from '../../interfaces/common.js'
import { registryHost } from '../../oci/registry-name.js'
import { bodyChunks } from './body-chunks.js'
import { dispatcherFor } from './dispatcher.js'
import type { AgentOptions } from './dispatcher.js'
import type { ProxyRules } from './proxy-rules.js'
import { ReadBuffers } from './read-buffers.js'
import { systemCertificates } from './system-ca.js'

/** The registry on whose behalf something is asked. */
export interface HttpEndpoint {
  /** As references have it: `docker.io`, `reg.example:5000`. */
  readonly registry: string
  /** No certificate check, wherever it redirects to. */
  readonly insecure: boolean
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** A stream is sent once; its length goes in a header. */
  readonly body?: string | Uint8Array | Bytes
  readonly signal?: AbortSignal | undefined
  /** Absent: what the client knows about the host of the URL. */
  readonly endpoint?: HttpEndpoint
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Raw bytes: `Content-Encoding` is never undone. */
  readonly body: Bytes
  /** Drop the body and, where it is long, the connection. */
  discard(): Promise<void>
}

/** TLS facts of one registry (`host[:port]`). */
export interface TlsOptions {
  /** PEM, in addition to the system's. */
  readonly ca?: readonly string[]
  /** PEM; several certificates go with as many keys. */
  readonly cert?: string | readonly string[]
  readonly key?: string | readonly string[]
}

export interface HttpOptions {
  /** No certificate check for these hosts. */
  readonly insecure: (host: string) => boolean
  /** CAs of a registry also count where it redirects to; its client certificates are for itself alone. */
  readonly tls?: ((registry: string) => TlsOptions | undefined | Promise<TlsOptions | undefined>) | undefined
  /** Default: none. */
  readonly proxy?: ProxyRules
  readonly connectTimeoutMs: number
  /** Without a byte for so long, a response counts as broken. */
  readonly stallTimeoutMs: number
}

/** One request, no redirects, no retries. Rejects with the network's error, or `signal.reason`. */
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>
  /** A chunk of a body is not looked at any more: its memory may be used again. Once for each. */
  release?(chunk: Uint8Array): void
  close(): Promise<void>
}

/**
 * undici with one agent for each origin, because CA, client certificate and `insecure` differ by host.
 * Not `fetch`, which undoes content encodings and so breaks digests.
 */
export function undiciClient(options: HttpOptions): HttpClient {
  const agents = new Map<string, Dispatcher>()
  const buffers = new ReadBuffers()
  // undici takes some 100 ms to load: only who pulls from a registry pays.
  let loading: Promise<typeof import('undici')> | undefined
  return {
    async request({ method, url, headers, body, signal, endpoint }) {
      signal?.throwIfAborted()
      const undici = await (loading ??= import('undici'))
      const key = JSON.stringify([url.origin, endpoint?.registry, endpoint?.insecure])
      let agent = agents.get(key)
      if (!agent) {
        const settings = await agentOptions(url, endpoint, options, buffers)
        agent = await dispatcherFor(undici, settings, options.proxy?.(url))
        // Somebody else may have been as fast.
        agents.set(key, (agent = agents.get(key) ?? agent))
      }
      try {
        const response = await undici.request(url, {
          method,
          headers,
          body: body === undefined ? null : isBytes(body) ? Readable.from(body, { objectMode: false }) : body,
          signal: signal ?? null,
          dispatcher: agent,
        })
        const stream = response.body
        return {
          status: response.statusCode,
          headers: response.headers,
          body: { [Symbol.asyncIterator]: () => bodyChunks(stream) },
          discard: async () => {
            // Short bodies are read to keep the connection, long ones dropped with it.
            await stream.dump({ limit: 64 * 1024, ...(signal ? { signal } : {}) }).catch(() => undefined)
          },
        }
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
    },
    release: (chunk) => buffers.release(chunk),
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
      agents.clear()
    },
  }
}

function isBytes(body: string | Uint8Array | Bytes): body is Bytes {
  return typeof body !== 'string' && !(body instanceof Uint8Array)
}

async function agentOptions(
  url: URL,
  endpoint: HttpEndpoint | undefined,
  options: HttpOptions,
  { onread }: ReadBuffers,
): Promise<AgentOptions> {
  const insecure = endpoint?.insecure ?? options.insecure(url.host)
  const isTls = url.protocol === 'https:'
  return {
    headersTimeout: options.stallTimeoutMs,
    bodyTimeout: options.stallTimeoutMs,
    keepAliveTimeout: 30_000,
    connect: {
      timeout: options.connectTimeoutMs,
      onread,
      rejectUnauthorized: !insecure,
      ...(isTls ? { secureContext: await secureContext(url, endpoint, insecure, options) } : {}),
    },
  }
}

/** Made once for all connections: reading the system's CAs takes tens of milliseconds. */
async function secureContext(
  url: URL,
  endpoint: HttpEndpoint | undefined,
  insecure: boolean,
  options: HttpOptions,
): Promise<SecureContext> {
  const tls = await tlsFor(url, endpoint, options)
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ca: insecure ? [] : [...(await systemCertificates()), ...(tls?.ca ?? [])],
    ...(tls?.cert ? { cert: mutable(tls.cert) } : {}),
    ...(tls?.key ? { key: mutable(tls.key) } : {}),
  })
}

/** Of the registry itself everything, of where it leads only whom it trusts. */
async function tlsFor(
  url: URL,
  endpoint: HttpEndpoint | undefined,
  { tls }: HttpOptions,
): Promise<TlsOptions | undefined> {
  if (endpoint === undefined) return tls?.(url.host)
  const own = await tls?.(endpoint.registry)
  if (new URL(`https://${registryHost(endpoint.registry)}`).host === url.host) return own
  const other = await tls?.(url.host)
  return { ca: [...(own?.ca ?? []), ...(other?.ca ?? [])] }
}

function mutable(value: string | readonly string[]): string | string[] {
  return typeof value === 'string' ? value : [...value]
}

/** `localhost`, 127.0.0.0/8, ::1. @param host with or without port */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:[0-9]+$/, '').toLowerCase()
  return name === 'localhost' || name === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(name)
}

/** A header that must not be repeated: its only value, else undefined. */
export function singleHeader(response: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = response.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** All values of a header. */
export function headerValues(response: Pick<HttpResponse, 'headers'>, name: string): readonly string[] {
  const value = response.headers[name]
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}
