import type { Socket } from 'node:net'

export interface WireRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const TLS_HANDSHAKE = 0x16

/**
 * Requests of one connection, one after the other. Ends with the connection, whatever ended it; a reader who leaves
 * earlier keeps the socket.
 */
export async function* wireRequests(socket: Socket): AsyncGenerator<WireRequest> {
  let received = Buffer.alloc(0)
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      received = Buffer.concat([received, chunk as Buffer])
      // Whoever tries TLS first is told at once that this is none.
      if (received[0] === TLS_HANDSHAKE) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
      for (;;) {
        const end = received.indexOf('\r\n\r\n')
        if (end < 0) break
        const [first = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n')
        const headers = Object.fromEntries(
          lines.map((line) => {
            const colon = line.indexOf(':')
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
          }),
        )
        const bodyEnd = end + 4 + Number(headers['content-length'] ?? 0)
        if (received.length < bodyEnd) break
        const [method = '', path = ''] = first.split(' ')
        const body = received.subarray(end + 4, bodyEnd).toString()
        received = received.subarray(bodyEnd)
        yield { method, path, headers, body }
      }
    }
  } catch {
    // Reset by the client, or by us.
  }
}
