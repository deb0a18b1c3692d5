import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { undiciClient } from '../../src/transports/registry/http.js'
import type { HttpClient } from '../../src/transports/registry/http.js'

const MIB = 1024 * 1024
const content = Buffer.alloc(24 * MIB)
for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let server: Server
let client: HttpClient
beforeAll(async () => {
  server = createServer(({ url }, response) => {
    const isChunked = url === '/chunked'
    if (!isChunked) response.setHeader('content-length', content.length)
    for (let at = 0; at < content.length; at += MIB) response.write(content.subarray(at, at + MIB))
    if (url === '/broken') setImmediate(() => response.destroy())
    else response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = undiciClient({ insecure: () => true, connectTimeoutMs: 5000, stallTimeoutMs: 20_000 })
})
afterAll(async () => {
  await client.close()
  server.closeAllConnections()
  server.close()
})

const get = async (path: string) => {
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
  return client.request({ method: 'GET', url, headers: {} })
}

describe('memory that bodies are received in', () => {
  test.each(['/plain', '/chunked'])('gives the right bytes to a slow reader of %s', async (path) => {
    const { body } = await get(path)
    const hash = createHash('sha256')
    let count = 0
    for await (const chunk of body) {
      hash.update(chunk)
      client.release?.(chunk)
      if (count++ % 16 === 0) await setTimeout(2)
    }
    expect(hash.digest('hex')).toBe(sha256(content))
  })

  test('is used again once it was given back', async () => {
    const { body } = await get('/plain')
    const memory = new Set<ArrayBufferLike>()
    let chunks = 0
    for await (const chunk of body) {
      memory.add(chunk.buffer)
      chunks++
      if (chunks % 8 === 0) await setTimeout(1)
      client.release?.(chunk)
    }
    expect(memory.size).toBeLessThan(24)
    expect(chunks).toBeGreaterThan(memory.size)
  })

  test('is left alone as long as somebody has it, whatever others give back', async () => {
    const read = async (giveBack: boolean) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of (await get('/plain')).body) {
        if (giveBack) {
          chunks.push(Buffer.from(chunk))
          client.release?.(chunk)
        } else {
          chunks.push(chunk)
        }
      }
      return sha256(Buffer.concat(chunks))
    }
    const found = await Promise.all([read(false), read(true), read(false), read(true)])
    expect(new Set(found)).toEqual(new Set([sha256(content)]))
  })

  test('is nobody else’s business: foreign chunks may be given back', () => {
    expect(() => client.release?.(Buffer.alloc(8))).not.toThrow()
  })
})

test('a body that breaks off throws after what came', async () => {
  const { body } = await get('/broken')
  let bytes = 0
  const reading = (async () => {
    for await (const chunk of body) bytes += chunk.length
  })()
  await expect(reading).rejects.toBeInstanceOf(Error)
  expect(bytes).toBeLessThan(content.length)
})

test('a reader that stops early ends the connection and nothing else', async () => {
  const { body } = await get('/plain')
  for await (const chunk of body) {
    expect(chunk.length).toBeGreaterThan(0)
    break
  }
  await setTimeout(20)
  expect((await get('/plain')).status).toBe(200)
})
