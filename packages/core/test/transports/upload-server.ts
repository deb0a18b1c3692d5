import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface UploadRules {
  /** `OCI-Chunk-Min-Length`; shorter chunks that are not the last are refused. */
  readonly minChunkBytes?: number
  /** Break the connection of the n-th PATCH (from 0) after so many bytes. */
  readonly cut?: Readonly<Record<number, number>>
  /** Answer the n-th PATCH so, without reading it. */
  readonly refuse?: Readonly<Record<number, number>>
  /** Keep only so many bytes of the n-th PATCH, and say so. */
  readonly keep?: Readonly<Record<number, number>>
  /** Forget the upload before the n-th PATCH is looked at. */
  readonly forget?: readonly number[]
  /** What a question about an upload is answered with, instead of its state. */
  readonly status?: number
  /** Make the blob, and then let the connection break. */
  readonly loseFinish?: boolean
  readonly largestBody?: number
}

export interface UploadServer extends AsyncDisposable {
  readonly host: string
  readonly blobs: Map<string, Buffer>
  /** `PATCH 0-99`, `GET`, `PUT` … of uploads. */
  readonly log: string[]
}

/** A registry that takes blobs as the specification of 2024 says, and fails as it is told. */
export async function serveUploads(rules: UploadRules = {}): Promise<UploadServer> {
  const uploads = new Map<string, Buffer>()
  const blobs = new Map<string, Buffer>()
  const log: string[] = []
  let patches = 0
  let names = 0
  const state = (response: ServerResponse, id: string, status: number): void => {
    const { length } = uploads.get(id)!
    response.writeHead(status, {
      location: `/up/${id}?state=${length}`,
      range: `0-${Math.max(length - 1, 0)}`,
    })
    response.end()
  }
  const patch = async (request: IncomingMessage, response: ServerResponse, id: string): Promise<void> => {
    const n = patches++
    const range = request.headers['content-range']
    log.push(`PATCH ${range ?? request.headers['content-length']}`)
    if (rules.refuse?.[n] !== undefined) {
      request.resume()
      return void response.writeHead(rules.refuse[n]).end()
    }
    if (rules.forget?.includes(n) === true) uploads.delete(id)
    const before = uploads.get(id)
    if (before === undefined) return void response.writeHead(404).end()
    if (Number(request.headers['content-length']) > (rules.largestBody ?? Infinity)) {
      request.resume()
      return void response.writeHead(413).end()
    }
    if (range !== undefined && Number(range.split('-')[0]) !== before.length) {
      request.resume()
      return state(response, id, 416)
    }
    const cut = rules.cut?.[n] ?? Infinity
    const keep = rules.keep?.[n] ?? Infinity
    let bytes = before
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk]).subarray(0, before.length + Math.min(cut, keep))
      uploads.set(id, bytes)
      if (bytes.length >= before.length + cut) return void request.socket.destroy()
    }
    state(response, id, 202)
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x')
    const id = /^\/up\/(.+)$/.exec(url.pathname)?.[1]
    const digest = /\/blobs\/(sha256:.+)$/.exec(url.pathname)?.[1]
    if (request.method === 'HEAD') {
      response.writeHead(blobs.has(digest!) ? 200 : 404).end()
    } else if (request.method === 'POST') {
      const made = String(names++)
      uploads.set(made, Buffer.alloc(0))
      log.push('POST')
      const min = rules.minChunkBytes
      if (min !== undefined) response.setHeader('OCI-Chunk-Min-Length', String(min))
      state(response, made, 202)
    } else if (id === undefined) {
      response.writeHead(200).end()
    } else if (request.method === 'PATCH') {
      patch(request, response, id).catch(() => undefined)
    } else if (request.method === 'GET') {
      log.push('GET')
      if (rules.status !== undefined) response.writeHead(rules.status).end()
      else if (uploads.has(id)) state(response, id, 204)
      else response.writeHead(404).end()
    } else if (request.method === 'PUT') {
      log.push('PUT')
      const bytes = uploads.get(id)!
      const made = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      if (made !== url.searchParams.get('digest')) return void response.writeHead(400).end()
      blobs.set(made, bytes)
      if (rules.loseFinish === true) return void request.socket.destroy()
      response.writeHead(201).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    log,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
