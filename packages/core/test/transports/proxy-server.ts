import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface ProxyServer extends AsyncDisposable {
  readonly url: string
  /** `CONNECT host:port`, `GET http://host/path`, in order. */
  readonly log: string[]
  /** Of the last request. */
  authorization(): string | undefined
}

/**
 * A forward proxy on loopback which takes every name for 127.0.0.1.
 *
 * @param credentials `user:password` that it asks for
 */
export async function serveProxy(credentials?: string): Promise<ProxyServer> {
  const log: string[] = []
  const sockets = new Set<Socket>()
  let authorization: string | undefined
  const allowed = (header: string | undefined): boolean => {
    authorization = header
    return credentials === undefined || header === `Basic ${Buffer.from(credentials).toString('base64')}`
  }
  const server = createServer((request, response) => {
    log.push(`${request.method} ${request.url}`)
    if (!allowed(request.headers['proxy-authorization'])) return void response.writeHead(407).end()
    const { 'proxy-authorization': _, ...headers } = request.headers
    const url = new URL(request.url!)
    const forwarded = httpRequest(
      {
        host: '127.0.0.1',
        port: url.port,
        path: url.pathname + url.search,
        method: request.method!,
        headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      },
    )
    forwarded.on('error', () => response.destroy())
    request.pipe(forwarded)
  })
  server.on('connection', (socket) => void sockets.add(socket))
  server.on('connect', (request, client: Socket) => {
    log.push(`CONNECT ${request.url}`)
    if (!allowed(request.headers['proxy-authorization'])) {
      return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    }
    const upstream = connect(Number(request.url!.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client)
      client.pipe(upstream)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    sockets.add(upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    authorization: () => authorization,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
