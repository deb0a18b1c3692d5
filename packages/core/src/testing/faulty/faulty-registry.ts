import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { TLSSocket, createSecureContext } from 'node:tls'
import type { ImageReference } from '../../oci/reference.js'
import type { BuiltImage, BuiltIndex } from '../image-builder.js'
import { errorAnswer } from '../registry-answer.js'
import { RegistryAuth } from '../registry-auth.js'
import { RegistryState } from '../registry-server.js'
import type { FaultSchedule } from './faults.js'
import { describeFault } from './wire-fault.js'
import type { WireFault } from './wire-fault.js'
import { wireRequests } from './wire-request.js'
import type { WireRequest } from './wire-request.js'
import { wireResponse } from './wire-response.js'
import type { WireResponse } from './wire-response.js'

export interface FaultyRegistryOptions {
  /** PEM; https instead of http. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Anonymous tokens are asked for. */
  readonly bearer?: boolean
}

export interface FaultyRequest {
  readonly path: string
  readonly range: string | undefined
  readonly status: number
  readonly fault: WireFault | undefined
  /** Of the body, handed to the kernel. */
  servedBytes: number
}

/** A registry on loopback behind a front that speaks HTTP/1.1 on sockets and spoils it as it is told. */
export interface FaultyRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`; `localhost:PORT` reaches it too, where IPv6 fails first. */
  readonly host: string
  /** Each repository has its own faults and log; undefined: none. */
  push(repository: string, tag: string, image: BuiltImage | BuiltIndex, schedule?: FaultSchedule): void
  /** Forget a repository, when its run is over. */
  drop(repository: string): void
  reference(repository: string, tag: string): ImageReference
  /** Requests for a repository, in order; without one those that belong to none. */
  log(repository: string): readonly FaultyRequest[]
  /** One line for each request. */
  describe(repository: string): string
  /** Open connections. */
  connections(): number
}

interface Repository {
  readonly state: RegistryState
  readonly schedule: FaultSchedule | undefined
  readonly log: FaultyRequest[]
  readonly seen: Map<string, number>
}

/**
 * Serve images over a bad network. A second port is another origin, where redirects lead: it has the same blobs, takes
 * no credentials, and answers 403 where a signature expired.
 */
export async function faultyRegistry(options: FaultyRegistryOptions = {}): Promise<FaultyRegistry> {
  const repositories = new Map<string, Repository>()
  const auth = new RegistryAuth(options.bearer === true ? { kind: 'bearer' } : undefined)
  const context = options.tls ? createSecureContext(options.tls) : undefined
  const scheme = context ? 'https' : 'http'
  const sockets = new Set<Socket>()

  const repositoryOf = (url: URL): Repository | undefined => {
    const name = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1] ?? scopeOf(url)
    return name === undefined ? undefined : repositories.get(name)
  }
  const answer = (request: WireRequest, url: URL, isElsewhere: boolean) => {
    if (isElsewhere && url.searchParams.get('sig') === 'expired') {
      return errorAnswer(403, 'DENIED', 'Request has expired')
    }
    const refused = isElsewhere ? undefined : auth.refuse(url, request, `${scheme}://${host}`)
    const state = repositoryOf(url)?.state ?? new RegistryState()
    return auth.token(url, request, request.body) ?? refused ?? state.answer(url)
  }
  const respond = (request: WireRequest, isElsewhere: boolean): [WireResponse, FaultyRequest | undefined] => {
    const url = new URL(request.path, `${scheme}://registry`)
    const right = answer(request, url, isElsewhere)
    const repository = repositoryOf(url)
    const path = `${isElsewhere ? '/elsewhere' : ''}${url.pathname}`
    const nth = repository?.seen.get(path) ?? 0
    repository?.seen.set(path, nth + 1)
    const { range } = request.headers
    const sizeBytes = right.body.length
    const fault = repository?.schedule?.next({ path, nth, isRange: range !== undefined, sizeBytes })
    const there = `${scheme}://localhost:${elsewherePort}${url.pathname}`
    const response = wireResponse(right, fault, {
      range,
      isHead: request.method === 'HEAD',
      challenge: auth.refuse(url, { headers: {} }, `${scheme}://${host}`)?.headers ?? {},
      locations: {
        elsewhere: `${there}?sig=secret-signature`,
        expired: nth === 0 ? `${there}?sig=expired` : `${there}?sig=secret-signature`,
        loop: url.pathname,
        'plain-http': `http://127.0.0.1:1${url.pathname}`,
        file: 'file:///etc/hostname',
        nonsense: 'http://[::bad',
      },
    })
    if (repository === undefined) return [response, undefined]
    const entry: FaultyRequest = { path, range, status: response.status, fault, servedBytes: 0 }
    repository.log.push(entry)
    return [response, entry]
  }
  const serve = (isElsewhere: boolean) => (raw: Socket) => {
    sockets.add(raw)
    raw.on('error', () => undefined).once('close', () => sockets.delete(raw))
    const socket = context ? new TLSSocket(raw, { isServer: true, secureContext: context }) : raw
    socket.on('error', () => raw.destroy())
    const work = async () => {
      for await (const request of wireRequests(socket)) {
        const [response, entry] = respond(request, isElsewhere)
        const count = (bytes: number) => entry && (entry.servedBytes += bytes)
        if (!(await send(socket, raw, response, count))) break
      }
      // Its end is only seen by one who reads.
      socket.resume()
    }
    work().catch(() => raw.destroy())
  }
  const servers = [
    createServer({ noDelay: true }, serve(false)),
    createServer({ noDelay: true }, serve(true)),
  ]
  const [port, elsewherePort] = await Promise.all(servers.map((server) => listen(server)))
  const host = `127.0.0.1:${port}`
  return {
    host,
    push(repository, tag, image, schedule) {
      const state = new RegistryState()
      state.push(repository, tag, image)
      repositories.set(repository, { state, schedule, log: [], seen: new Map() })
    },
    drop: (repository) => void repositories.delete(repository),
    reference: (repository, tag) => ({ transport: 'registry', name: `${host}/${repository}:${tag}` }),
    log: (repository) => repositories.get(repository)?.log ?? [],
    describe: (repository) =>
      (repositories.get(repository)?.log ?? [])
        .map(({ path, range = '', status, fault, servedBytes }) =>
          [path, range, status, `${servedBytes} bytes`, describeFault(fault)].join(' '),
        )
        .join('\n'),
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

/** Whose token is asked for. */
function scopeOf(url: URL): string | undefined {
  return /^repository:(.+):pull$/.exec(url.searchParams.get('scope') ?? '')?.[1]
}

const PIECE_BYTES = 64 * 1024

/** @returns whether the connection takes another request */
async function send(
  socket: Socket,
  raw: Socket,
  { head, body, then, limitBytes, lingerMs, drip }: WireResponse,
  count: (bytes: number) => void,
): Promise<boolean> {
  const pieceBytes = drip === undefined ? PIECE_BYTES : Math.max(1, Math.ceil(body.length / drip.pieces))
  await write(socket, head.subarray(0, limitBytes))
  const served = body.subarray(0, Math.max(0, limitBytes - head.length))
  for (let at = 0; at < served.length && !socket.destroyed; at += pieceBytes) {
    const piece = served.subarray(at, at + pieceBytes)
    await write(socket, piece)
    count(piece.length)
    if (drip !== undefined) await delay(drip.waitMs)
  }
  const isCut = head.length + body.length > limitBytes
  if (lingerMs > 0) await delay(lingerMs)
  if (then === 'close') socket.end()
  if (then === 'reset' && isCut) raw.resetAndDestroy()
  if (then === 'zeros') {
    const zeros = Buffer.alloc(PIECE_BYTES)
    while (!socket.destroyed) await write(socket, zeros)
  }
  return then === 'go on' || (!isCut && then !== 'close')
}

/** Resolves when the kernel has it, or nobody wants it. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || bytes.length === 0) return resolve()
    const done = (): void => {
      socket.off('close', done)
      resolve()
    }
    socket.once('close', done)
    socket.write(bytes, done)
  })
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
