import {
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Digest } from '../../src/index.js'
import { pullImage } from '../../src/orchestrate/index.js'
import type { ProgressEvent } from '../../src/progress.js'
import { buildImage, faultyRegistry, file, memoryBackend, memorySysroot } from '../../src/testing/index.js'
import type { FaultyRegistry, WireFault } from '../../src/testing/index.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { PartialBlobs, sweepPartialBlobs } from '../../src/transports/registry/partial-blobs.js'
import { copyImage, ociDestination } from '../../src/transports/index.js'
import type { RegistryTransportOptions } from '../../src/transports/index.js'
import { quickTransport } from './helpers.js'

const MIB = 1024 * 1024
// What a reader under load has not taken from its socket when the connection breaks.
const SLACK = 6 * MIB
const random = seededRandom(18)
const block = Buffer.from(Array.from({ length: MIB }, () => random() * 256))
const content = Buffer.concat(Array.from({ length: 24 }, (_, i) => Buffer.concat([Buffer.of(i), block])))
const image = buildImage({
  layers: [{ entries: [file('small', 'x')] }, { entries: [file('big', content)], compression: 'none' }],
})
const big = image.layers[1]!
const { digest, size } = big.descriptor
const bigName = digest.replace(':', '-')

let registry: FaultyRegistry
let root: string
let dir: string
let plan: (WireFault | undefined)[]
beforeEach(async () => {
  // Not in /tmp, which may be in memory, where nothing is kept.
  root = await mkdtemp('/var/tmp/resume-')
  dir = join(root, 'cache/partial')
  plan = []
  registry = await faultyRegistry()
  registry.push('ns/app', 'v1', image, {
    seed: 0,
    temper: 'planned',
    next: ({ path }) => (path.endsWith(digest) ? plan.shift() : undefined),
  })
})
afterEach(async () => {
  await registry[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

async function setup() {
  const sysroot = memorySysroot()
  const store = (await memoryBackend().init(sysroot, await sysroot.lock())).images
  const pull = async (options: RegistryTransportOptions = {}, attempts = 1) => {
    const transport = quickTransport({
      partialBlobs: { dir },
      layerRetries: 0,
      stallTimeoutMs: 2000,
      ...options,
    })
    const events: ProgressEvent[] = []
    try {
      const result = await pullImage({
        transports: [transport],
        store,
        reference: registry.reference('ns/app', 'v1'),
        attempts,
        retryWaitMs: 0,
        onProgress: (event) => events.push(event),
      })
      return { result, events }
    } finally {
      await transport.close()
    }
  }
  return { store, pull }
}

const bigRequests = () => registry.log('ns/app').filter(({ path }) => path.endsWith(digest))
const served = () => bigRequests().reduce((sum, { servedBytes }) => sum + servedBytes, 0)
const kept = async () => (await stat(join(dir, bigName)).catch(() => undefined))?.size
const broken = (mib: number): WireFault => ({ kind: 'reset', afterBytes: mib * MIB, lingerMs: 400 })
/** The connection, and the one that goes on, break: the pull fails. */
const breakAt = (mib: number) => plan.push(broken(mib), broken(0))
/** What an earlier pull left. */
async function leave(bytes: Uint8Array): Promise<void> {
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, bigName), bytes)
}

describe('a pull that is started again', () => {
  test('fetches nothing again that had come', async () => {
    const { pull, store } = await setup()
    for (const at of [9, 6, 5]) {
      breakAt(at)
      await expect(pull()).rejects.toMatchObject({
        code: 'TRANSPORT_UNREACHABLE',
        details: { digest, host: registry.host },
      })
    }
    const { result, events } = await pull()
    expect(result.image.manifestDigest).toBe(image.manifestDigest)
    expect(served()).toBeLessThan(size + SLACK)
    expect(result.bytesResumed).toBeGreaterThan(14 * MIB)
    expect(result.bytesFetched).toBe(size - result.bytesResumed)
    expect(events).toContainEqual({
      type: 'pull:resumed',
      detail: { id: digest, keptBytes: result.bytesResumed, totalBytes: size },
    })
    // The layer that was imported before the first break was fetched once.
    const small = registry
      .log('ns/app')
      .filter(({ path }) => path.endsWith(image.layers[0]!.descriptor.digest))
    expect(small).toHaveLength(1)
    expect(await readdir(dir)).toEqual([])
    expect((await store.fsck?.())?.problems).toEqual([])
  })

  test('within one call is the same', async () => {
    const { pull } = await setup()
    breakAt(10)
    breakAt(5)
    const { result } = await pull({}, 3)
    expect(served()).toBeLessThan(size + SLACK)
    // Nothing was there when the call began.
    expect(result).toMatchObject({ bytesResumed: 0 })
    expect(await readdir(dir)).toEqual([])
  })

  test('asks for nothing when all had come and only the import failed', async () => {
    await leave(big.blob)
    const { pull } = await setup()
    const { result } = await pull()
    expect(bigRequests()).toEqual([])
    expect(result).toMatchObject({ bytesResumed: size })
  })

  test('reads past what it has where the server knows no ranges', async () => {
    await leave(big.blob.subarray(0, 10 * MIB))
    plan.push({ kind: 'ignore-range' })
    const { pull } = await setup()
    const { result } = await pull()
    expect(result.changed).toBe(true)
    expect(bigRequests().map(({ range }) => range)).toEqual([`bytes=${10 * MIB}-`])
  })

  test.each(['start', 'total', 'garbage', 'twice'] as const)(
    'starts over where Content-Range lies about the %s',
    async (lie) => {
      await leave(big.blob.subarray(0, 10 * MIB))
      plan.push({ kind: 'content-range', lie })
      const { pull } = await setup()
      await pull()
      expect(bigRequests().map(({ range }) => range)).toEqual([`bytes=${10 * MIB}-`, undefined])
    },
  )

  test('starts over where a range is not satisfiable', async () => {
    await leave(big.blob.subarray(0, 10 * MIB))
    plan.push({ kind: 'status', status: 416 })
    const { pull } = await setup()
    expect((await pull()).result.changed).toBe(true)
  })
})

describe('what was kept is not trusted', () => {
  test('bytes that somebody changed cost another download, and nothing else', async () => {
    const changed = Buffer.from(big.blob.subarray(0, 10 * MIB))
    changed[5 * MIB]! ^= 1
    await leave(changed)
    const { pull } = await setup()
    const { result } = await pull({}, 3)
    expect(result.image.manifestDigest).toBe(image.manifestDigest)
    expect(bigRequests().map(({ range }) => range)).toEqual([`bytes=${10 * MIB}-`, undefined])
    expect(await readdir(dir)).toEqual([])
  })

  test('a server that continues with other bytes leaves nothing behind', async () => {
    await leave(big.blob.subarray(0, 10 * MIB))
    plan.push({ kind: 'wrong-bytes', at: 0.5 })
    const { pull, store } = await setup()
    await expect(pull()).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH', details: { digest } })
    expect(await kept()).toBeUndefined()
    for await (const _ of store.list()) expect.unreachable('an image is visible')
    expect((await pull()).result.bytesResumed).toBe(0)
  })

  test('a server that lies is not asked for ever', async () => {
    const lie: WireFault = { kind: 'wrong-bytes', at: 0.5 }
    plan.push(lie, lie, lie, lie)
    const { pull } = await setup()
    await expect(pull({}, 3)).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
      details: { digest, reference: `docker://${registry.host}/ns/app:v1` },
    })
    expect(bigRequests()).toHaveLength(1)
    expect(await kept()).toBeUndefined()
  })

  test('more bytes than the blob has are removed', async () => {
    await leave(Buffer.concat([big.blob, Buffer.from('more')]))
    const { pull } = await setup()
    expect((await pull()).result.bytesResumed).toBe(0)
  })

  test('links are not followed and not written to', async () => {
    const victim = join(root, 'victim')
    await writeFile(victim, 'precious')
    await mkdir(dir, { recursive: true })
    for (const make of [symlink, link]) {
      await rm(join(dir, bigName), { force: true })
      await make(victim, join(dir, bigName))
      const { pull } = await setup()
      expect((await pull()).result.bytesResumed).toBe(0)
      expect(await readFile(victim, 'utf8')).toBe('precious')
    }
  })
})

test('where nothing can be kept, a pull goes on without', async () => {
  await writeFile(join(root, 'cache'), 'no directory')
  const { pull } = await setup()
  expect((await pull()).result.changed).toBe(true)
})

test('a copy goes on too, and keeps nothing when it is done', async () => {
  await leave(big.blob.subarray(0, 10 * MIB))
  const transport = quickTransport({ partialBlobs: { dir } })
  await copyImage({
    source: { transport, reference: registry.reference('ns/app', 'v1') },
    target: { destination: ociDestination(), reference: { transport: 'oci', name: join(root, 'copy:v1') } },
  })
  await transport.close()
  expect(bigRequests().map(({ range }) => range)).toEqual([`bytes=${10 * MIB}-`])
  expect(await readdir(dir)).toEqual([])
})

test('two pulls at once share what comes', async () => {
  const [one, two] = [await setup(), await setup()]
  const results = await Promise.all([one.pull(), two.pull()])
  expect(results.map(({ result }) => result.image.manifestDigest)).toEqual([
    image.manifestDigest,
    image.manifestDigest,
  ])
  expect(await readdir(dir)).toEqual([])
})

test('an aborted pull keeps what came', async () => {
  plan.push({ kind: 'stall', afterBytes: 8 * MIB })
  const stop = new AbortController()
  const transport = quickTransport({ partialBlobs: { dir }, stallTimeoutMs: 20_000 })
  const resolved = await transport.resolve(registry.reference('ns/app', 'v1'))
  const reason = new Error('enough')
  let count = 0
  const reading = (async () => {
    for await (const chunk of transport.openLayer(resolved, big.descriptor, { signal: stop.signal })) {
      count += chunk.length
      if (count > 7 * MIB) stop.abort(reason)
    }
  })()
  await expect(reading).rejects.toBe(reason)
  await transport.close()
  expect(await kept()).toBeGreaterThan(7 * MIB)
})

describe('room', () => {
  const blobOf = (index: number, sizeBytes: number) => ({
    mediaType: 'x',
    digest: `sha256:${String(index).padStart(64, '0')}` as Digest,
    size: sizeBytes,
  })
  const names = async () => (await readdir(dir)).map((name) => Number(name.slice(-4))).sort()

  async function fill(partial: PartialBlobs, index: number, ageMs: number): Promise<void> {
    const opened = await partial.open(blobOf(index, 2 * MIB))
    await opened!.append(block)
    await opened![Symbol.asyncDispose]()
    const at = new Date(Date.now() - ageMs)
    await utimes(join(dir, `sha256-${String(index).padStart(64, '0')}`), at, at)
  }

  test('is bounded: the oldest go first', async () => {
    const partial = new PartialBlobs({ dir, maxBytes: 4 * MIB })
    for (const [index, age] of [3000, 2000, 1000].entries()) await fill(partial, index, age)
    await fill(partial, 3, 0)
    expect(await names()).toEqual([1, 2, 3])
    expect(await partial.open(blobOf(9, 6 * MIB))).toBeUndefined()
  })

  test('is given back in a week, by the next pull or a clean-up', async () => {
    const week = 7 * 24 * 60 * 60 * 1000
    await fill(new PartialBlobs({ dir }), 1, week + 1000)
    await fill(new PartialBlobs({ dir }), 2, week - 60_000)
    expect(await names()).toEqual([2])
    await writeFile(join(dir, 'something else'), 'not ours')
    expect(await sweepPartialBlobs({ dir, maxAgeMs: 0 })).toBe(MIB)
    expect(await readdir(dir)).toEqual(['something else'])
    expect(await sweepPartialBlobs({ dir: join(root, 'none') })).toBe(0)
  })

  test('is not taken for small blobs', async () => {
    expect(await new PartialBlobs({ dir }).open(blobOf(1, MIB - 1))).toBeUndefined()
    await expect(stat(dir)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
