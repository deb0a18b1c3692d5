import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sha256Digest } from '../../src/oci/index.js'
import { registryTransport } from '../../src/transports/index.js'
import { collect, fakeTiming } from './helpers.js'
import { startRegistry } from './docker-registry.js'
import type { DockerRegistry } from './docker-registry.js'

const isMissing = spawnSync('docker-registry', ['--version']).error !== undefined
if (isMissing && process.env['CI']) throw new Error('not installed: docker-registry')

let dir: string
let registry: DockerRegistry
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'upload-'))
  if (!isMissing) registry = await startRegistry(dir, 'plain', true)
})
afterAll(async () => {
  await registry?.stop()
  await rm(dir, { recursive: true, force: true })
})

/** Passes connections on, and breaks each of the first ones that carries so many bytes. */
async function serveCuts(port: number, cuts: number[]): Promise<string> {
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    let sent = 0
    client.on('data', (chunk) => {
      sent += chunk.length
      upstream.write(chunk)
      if (cuts.length === 0 || sent < cuts[0]!) return
      cuts.shift()
      client.resetAndDestroy()
      upstream.end()
    })
    upstream.pipe(client)
    for (const socket of [client, upstream]) socket.on('error', () => undefined)
    client.on('close', () => upstream.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536)
}

describe.skipIf(isMissing)('docker-registry', () => {
  test.each([
    ['once', [5_000_000]],
    ['again and again', [5_000_000, 6_000_000, 1_000_000, 3_000_000]],
  ])('an upload that is cut off %s ends with the right bytes', async (_, cuts) => {
    const data = randomBytes(20_000_000)
    const blob = { digest: sha256Digest(data), size: data.length }
    const host = await serveCuts(Number(registry.host.split(':')[1]), cuts)
    const transport = registryTransport({
      credentials: () => ({ username: 'me', password: 's3cret' }),
      timing: fakeTiming(Date.now()),
    })
    onTestFinished(() => transport.close())
    const reference = { transport: 'registry', name: `${host}/ns/cut:v1` } as const
    await transport.destination.putBlob(reference, blob, pieces(data), {
      reopen: (offset) => pieces(data.subarray(offset)),
    })
    expect(cuts).toEqual([])
    expect(await transport.destination.hasBlob(reference, blob)).toBe(true)
    const answer = await fetch(`http://${registry.host}/v2/ns/cut/blobs/${blob.digest}`, {
      headers: { authorization: `Basic ${btoa('me:s3cret')}` },
    })
    expect((await collect(answer.body!)).equals(data)).toBe(true)
  })

  test('a blob of unknown length is stored', async () => {
    const data = randomBytes(10_000_000)
    const transport = registryTransport({ credentials: () => ({ username: 'me', password: 's3cret' }) })
    onTestFinished(() => transport.close())
    const reference = { transport: 'registry', name: `${registry.host}/ns/unknown:v1` } as const
    const blob = await transport.destination.putStream!(reference, pieces(data))
    expect(blob).toEqual({ digest: sha256Digest(data), size: data.length })
    expect(await transport.destination.hasBlob(reference, blob)).toBe(true)
  })
})
