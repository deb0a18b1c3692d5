import { expect, test } from 'vitest'
import { buildImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import { registryTransport } from '../../src/transports/index.js'
import { limited, rateLimit } from '../../src/transports/registry/rate-limit.js'
import { collect } from './helpers.js'
import { virtualClock } from './virtual-clock.js'

async function* zeros(count: number, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(chunkBytes)
}

test('streams together are as fast as the limit, and each gets its share', async () => {
  const clock = virtualClock()
  const limit = rateLimit(10_000, clock)
  const finished: number[] = []
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      await collect(limited(zeros(50, 100), limit, undefined))
      finished.push(clock.elapsedMs())
    }),
  )
  // 20 000 bytes, of which the first 5000 pass at once.
  expect(clock.elapsedMs()).toBe(1500)
  expect(Math.min(...finished)).toBeGreaterThan(1400)
})

test('time in which nothing passed is not made up for', async () => {
  const clock = virtualClock()
  const limit = rateLimit(1000, clock)
  await limit.take(100)
  await clock.sleep(60_000)
  await limit.take(100)
  expect(clock.elapsedMs()).toBe(60_000)
  await limit.take(1000)
  expect(clock.elapsedMs()).toBe(60_600)
})

test('whoever waits can be stopped, and the others go on', async () => {
  const clock = virtualClock()
  const limit = rateLimit(1000, clock)
  const stop = new AbortController()
  const stopped = limit.take(1000, stop.signal)
  const other = limit.take(1000)
  stop.abort(new Error('enough'))
  await expect(stopped).rejects.toThrow('enough')
  await expect(limit.take(1, stop.signal)).rejects.toThrow('enough')
  await other
  expect(clock.elapsedMs()).toBe(1500)
})

test.each([0, -1, NaN])('%s bytes per second are refused', (rate) => {
  expect(() => registryTransport({ bandwidthBytesPerSecond: rate })).toThrow(RangeError)
})

test('layers of a transport share its limit', async () => {
  const layers = [1, 2].map((n) => ({
    compression: 'none' as const,
    entries: [file(`f${n}`, Buffer.alloc(100_000, n))],
  }))
  const image = buildImage({ layers })
  await using server = await serveRegistry({ 'ns/app:v1': image })
  const clock = virtualClock()
  const transport = registryTransport({ timing: clock, bandwidthBytesPerSecond: 100_000 })
  const resolved = await transport.resolve(server.reference('ns/app', 'v1'))
  expect(clock.elapsedMs()).toBe(0)
  const blobs = await Promise.all(
    image.layers.map(({ descriptor }) => collect(transport.openLayer(resolved, descriptor))),
  )
  const bytes = blobs.reduce((sum, blob) => sum + blob.length, 0)
  expect(blobs.every((blob, i) => blob.equals(image.layers[i]!.blob))).toBe(true)
  const expectedMs = (bytes / 100_000) * 1000
  expect(clock.elapsedMs()).toBeGreaterThan(expectedMs - 501)
  expect(clock.elapsedMs()).toBeLessThan(expectedMs + 1)
  await transport.close()
})
