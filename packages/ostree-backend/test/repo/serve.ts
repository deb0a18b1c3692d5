import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Dir } from '@bootc-sdk/core'

export interface Serving extends AsyncDisposable {
  readonly url: string
  readonly requests: string[]
}

/** Any static web server will do; `tamper` may change an answer or refuse it with a status. */
export async function serve(
  dir: Dir,
  tamper: (path: string, bytes: Buffer | undefined) => Buffer | number | undefined = (_, bytes) => bytes,
): Promise<Serving> {
  const requests: string[] = []
  const server: Server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent(request.url!).replace(/^\/+/, '')
      requests.push(path)
      const chunks: Uint8Array[] = []
      let bytes: Buffer | undefined
      try {
        for await (const chunk of dir.read(path)) chunks.push(chunk)
        bytes = Buffer.concat(chunks)
      } catch {
        bytes = undefined
      }
      const answer = tamper(path, bytes)
      if (typeof answer === 'number' || answer === undefined) response.writeHead(answer ?? 404).end()
      else response.writeHead(200, { 'content-length': answer.length }).end(answer)
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
