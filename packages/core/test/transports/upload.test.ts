import { createHash } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { Bytes, Digest } from '../../src/index.js'
import { registryDestination } from '../../src/transports/destinations/registry-destination.js'
import { undiciClient } from '../../src/transports/registry/http.js'
import { RegistryClient } from '../../src/transports/registry/registry-client.js'
import { fakeTiming } from './helpers.js'
import { serveUploads } from './upload-server.js'
import type { UploadRules, UploadServer } from './upload-server.js'

const data = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) & 255))
const digest: Digest = `sha256:${createHash('sha256').update(data).digest('hex')}`
const blob = { digest, size: data.length }

async function* from(offset: number, bytes = data): Bytes & AsyncGenerator<Uint8Array> {
  for (let at = offset; at < bytes.length; at += 7000)
    yield Uint8Array.from(bytes.subarray(at, at + 7000).subarray(0, 7000))
}

async function setUp(rules: UploadRules, chunkBytes = 40_000) {
  const server = await serveUploads(rules)
  onTestFinished(() => server[Symbol.asyncDispose]())
  const http = undiciClient({ insecure: () => true, connectTimeoutMs: 5000, stallTimeoutMs: 5000 })
  onTestFinished(() => http.close())
  const timing = fakeTiming()
  const client = new RegistryClient(server.host, { http, timing, userAgent: 'test', insecure: true })
  const destination = registryDestination((target) => Promise.resolve({ name: target.name, client }), {
    timing,
    chunkBytes,
  })
  const target = { transport: 'registry', name: `${server.host}/ns/app:v1` } as const
  const put = (bytes: Bytes = from(0)) =>
    destination.putBlob(target, blob, bytes, { reopen: (offset) => from(offset) })
  return { server, destination, target, put, timing }
}

const stored = (server: UploadServer) => server.blobs.get(digest)?.equals(data)

test('a blob goes in one request when nothing is in the way', async () => {
  const { server, put } = await setUp({})
  await put()
  expect(server.log).toEqual(['POST', 'PATCH 100000', 'PUT'])
  expect(stored(server)).toBe(true)
})

test('what broke goes on in chunks where the registry says it ended', async () => {
  const { server, put, timing } = await setUp({ cut: { 0: 30_000 } })
  await put()
  expect(server.log).toEqual(['POST', 'PATCH 100000', 'GET', 'PATCH 30000-69999', 'PATCH 70000-99999', 'PUT'])
  expect(stored(server)).toBe(true)
  expect(timing.slept).toHaveLength(1)
})

test('a chunk that breaks is sent again from where it broke, each time after a longer wait', async () => {
  const { server, put, timing } = await setUp({ cut: { 0: 0, 1: 10_000, 2: 0, 3: 0 } })
  await put()
  expect(server.log.slice(1, 9)).toEqual([
    ...[
      'PATCH 100000',
      'GET',
      'PATCH 0-39999',
      'GET',
      'PATCH 10000-39999',
      'GET',
      'PATCH 10000-39999',
      'GET',
    ],
  ])
  expect(stored(server)).toBe(true)
  expect(timing.slept.map((ms) => Math.round(ms / 1000))).toEqual([1, 2, 1, 2])
})

test('chunks are as long as the registry wants them', async () => {
  const { server, put } = await setUp({ cut: { 0: 0 }, minChunkBytes: 60_000 })
  await put()
  expect(server.log).toEqual(['POST', 'PATCH 100000', 'GET', 'PATCH 0-59999', 'PATCH 60000-99999', 'PUT'])
})

test('a registry that takes less than it got is sent the rest', async () => {
  const { server, put } = await setUp({ cut: { 0: 0 }, keep: { 1: 15_000 } })
  await put()
  expect(server.log.slice(3, 5)).toEqual(['PATCH 0-39999', 'PATCH 15000-39999'])
  expect(stored(server)).toBe(true)
})

test('a range that does not fit (416) is asked about', async () => {
  const { server, put } = await setUp({ cut: { 0: 0 }, refuse: { 2: 416 } })
  await put()
  expect(server.log.slice(3, 7)).toEqual(['PATCH 0-39999', 'PATCH 40000-79999', 'GET', 'PATCH 40000-79999'])
  expect(stored(server)).toBe(true)
})

test('a limit of a proxy on the size of bodies leads to chunks', async () => {
  const { server, put } = await setUp({ largestBody: 50_000 })
  await put()
  expect(server.log.at(-1)).toBe('PUT')
  expect(stored(server)).toBe(true)
})

test.each([
  ['forgotten', { forget: [2], cut: { 0: 0 } }],
  ['not to be asked about', { cut: { 0: 20_000 }, status: 405 }],
] as const)('an upload that is %s begins again', async (_, rules) => {
  const { server, put } = await setUp(rules)
  await put()
  expect(server.log.filter((line) => line === 'POST')).toHaveLength(2)
  expect(stored(server)).toBe(true)
})

test('a registry that never gets on is given up, after a while', async () => {
  const cut = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, 0]))
  const { server, put, timing } = await setUp({ cut })
  await expect(put()).rejects.toMatchObject({ code: 'TRANSPORT_UNREACHABLE' })
  expect(timing.slept).toHaveLength(5)
  expect(server.log).not.toContain('PUT')
})

test('without the bytes at hand again a broken upload fails', async () => {
  const { server, destination, target } = await setUp({ cut: { 0: 30_000 } })
  await expect(destination.putBlob(target, blob, from(0))).rejects.toMatchObject({
    code: 'TRANSPORT_UNREACHABLE',
  })
  expect(server.log).toEqual(['POST', 'PATCH 100000'])
})

test.each([
  ['others', Buffer.alloc(100_000, 1), 'IMAGE_DIGEST_MISMATCH'],
  ['too few', data.subarray(0, 99_999), 'IMAGE_SIZE_MISMATCH'],
  ['too many', Buffer.concat([data, Buffer.from('x')]), 'IMAGE_SIZE_MISMATCH'],
] as const)('bytes that are %s are never finished', async (_, bytes, code) => {
  const { server, put } = await setUp({})
  await expect(put(from(0, bytes))).rejects.toMatchObject({ code })
  const again = await setUp({ cut: { 0: 10_000 } })
  const reopen = (offset: number) => from(offset, bytes)
  const { destination, target } = again
  await expect(destination.putBlob(target, blob, from(0, bytes), { reopen })).rejects.toMatchObject({ code })
  expect([...server.log, ...again.server.log]).not.toContain('PUT')
})

test('an answer that got lost at the end is no failure when the blob is there', async () => {
  const { server, put } = await setUp({ loseFinish: true })
  await put()
  expect(stored(server)).toBe(true)
})

test('a blob of unknown length goes in chunks, and its digest is told', async () => {
  const { server, destination, target } = await setUp({ refuse: { 1: 503 } })
  expect(await destination.putStream!(target, from(0))).toEqual(blob)
  expect(server.log).toEqual([
    ...['POST', 'PATCH 0-39999', 'PATCH 40000-79999', 'GET', 'PATCH 40000-79999', 'PATCH 80000-99999', 'PUT'],
  ])
  expect(stored(server)).toBe(true)
})

test('waiting for a registry can be aborted', async () => {
  const { destination, target, timing } = await setUp({ cut: { 0: 30_000 } })
  const stop = new AbortController()
  timing.sleep = () => {
    stop.abort(new Error('enough'))
    return Promise.reject(stop.signal.reason as Error)
  }
  const reopen = (offset: number) => from(offset)
  await expect(destination.putBlob(target, blob, from(0), { reopen, signal: stop.signal })).rejects.toThrow(
    'enough',
  )
})
