import { once } from 'node:events'
import { createServer } from 'node:http'
import { dockerArchive } from '../../src/testing/docker-archive.js'
import type { BuiltImage } from '../../src/testing/image-builder.js'

/** The one call of Docker's engine API that is used, on a socket. */
export async function serveDocker(
  socketPath: string,
  images: Readonly<Record<string, BuiltImage>>,
): Promise<{ host: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const name = /^\/images\/([^/]+)\/get$/.exec(request.url ?? '')?.[1]
    const image = name === undefined ? undefined : images[decodeURIComponent(name)]
    if (image === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ message: `reference does not exist` }))
      return
    }
    response.writeHead(200, { 'content-type': 'application/x-tar' })
    response.end(dockerArchive({ images: { [decodeURIComponent(name!)]: image } }))
  }).listen(socketPath)
  await once(server, 'listening')
  return {
    host: `unix://${socketPath}`,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
