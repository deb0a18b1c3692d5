import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { composefsImageStore, initComposefsRepo } from '@bootc-sdk/composefs-backend'
import {
  BootcError,
  pullImage,
  type Digest,
  type ImageStore,
  type PullEvent,
  type StoredImage,
} from '@bootc-sdk/core'
import { memoryDir, serveRegistry, type BuiltImage } from '@bootc-sdk/core/testing'
import { registryTransport } from '@bootc-sdk/core/transports'
import { initRepo, ostreeImageStore } from '@bootc-sdk/ostree-backend'
import { describe, expect, test } from 'vitest'
import { sample } from './chunked-sample.js'

const golden = (name: string) => readFileSync(new URL(`golden/chunked/${name}`, import.meta.url))

/** The second version as skopeo made a zstd:chunked image of it. */
function chunked(change: (blob: Buffer) => Buffer = (blob) => blob): BuiltImage {
  const plain = sample(2, 'none')
  const manifestBytes = golden('manifest.json')
  const manifest = JSON.parse(manifestBytes.toString()) as BuiltImage['manifest']
  const layer = manifest.layers[0]!
  const blob = change(Buffer.from(golden(layer.digest.slice('sha256:'.length))))
  const blobs = new Map<Digest, Uint8Array>([
    [layer.digest, blob],
    [manifest.config.digest, golden(manifest.config.digest.slice('sha256:'.length))],
  ])
  return {
    ...plain,
    manifest,
    manifestBytes,
    manifestDigest: `sha256:${createHash('sha256').update(manifestBytes).digest('hex')}`,
    layers: [{ descriptor: layer, diffId: plain.layers[0]!.diffId, blob, tar: plain.layers[0]!.tar }],
    blobs,
  }
}

/** The same with another method. */
function proxyOf<T extends object, K extends keyof T>(whole: T, name: K, method: T[K]): T {
  return new Proxy(whole, {
    get: (target, key) => {
      if (key === name) return method
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const stores: Readonly<Record<string, () => Promise<ImageStore>>> = {
  ostree: async () => ostreeImageStore(await initRepo(memoryDir(), 'bare-user')),
  composefs: async () =>
    composefsImageStore(
      await initComposefsRepo(memoryDir(), { algorithm: 'sha512', erofsVersion: 1, requireVerity: false }),
    ),
}

describe.each(Object.entries(stores))('%s', (_, makeStore) => {
  async function pullBoth(image: BuiltImage, partial: boolean) {
    await using registry = await serveRegistry({ 'os:1': sample(1), 'os:2': image })
    const transports = [registryTransport()]
    const store = await makeStore()
    const pull = (tag: string, onProgress?: (event: PullEvent) => void) =>
      pullImage({
        transports,
        store,
        reference: registry.reference('os', tag),
        partial,
        onProgress,
        timestamp: 1,
      })
    await pull('1')
    registry.log.length = 0
    const events: PullEvent[] = []
    const { image: stored, bytesFetched } = await pull('2', (event) => void events.push(event))
    const layer = image.manifest.layers[0]!
    const requests = registry.log.filter(({ path }) => path.endsWith(layer.digest))
    return { stored, bytesFetched, events, requests, layer }
  }
  const content = ({ id, layers }: StoredImage) => ({
    id,
    layers: layers.map(({ diffId, ref }) => ({ diffId, ref })),
  })

  test('only what is new is fetched, and the store has what a whole pull gives it', async () => {
    const whole = await pullBoth(chunked(), false)
    const part = await pullBoth(chunked(), true)
    expect(content(part.stored)).toEqual(content(whole.stored))
    expect(whole.bytesFetched).toBe(whole.layer.size)
    // Two files of noise, the documents, and what lies between.
    expect(part.bytesFetched).toBeLessThan(30_000)
    expect(part.requests.every(({ headers }) => headers['range'] !== undefined)).toBe(true)
    const last = part.events.filter(({ type }) => type === 'pull:layer').at(-1)
    expect(last?.detail).toMatchObject({
      bytes: part.bytesFetched,
      cachedBytes: part.layer.size - part.bytesFetched,
    })
  })

  test('an image in the store that cannot be opened is not in the way', async () => {
    await using registry = await serveRegistry({ 'os:1': sample(1), 'os:2': chunked() })
    const store = await makeStore()
    const pull = (tag: string, into: ImageStore) =>
      pullImage({
        transports: [registryTransport()],
        store: into,
        reference: registry.reference('os', tag),
      })
    await pull('1', store)
    const damaged = proxyOf(store, 'open', () => Promise.reject(new Error('damaged')))
    const { bytesFetched } = await pull('2', damaged)
    expect(bytesFetched).toBe(chunked().manifest.layers[0]!.size)
  })

  test.each([
    ['looked for', 0],
    ['put together', 1],
  ])('a stored file that cannot be read when layers are %s costs a download', async (_when, goodReads) => {
    await using registry = await serveRegistry({ 'os:1': sample(1), 'os:2': chunked() })
    const store = await makeStore()
    const pull = (tag: string, into: ImageStore) =>
      pullImage({ transports: [registryTransport()], store: into, reference: registry.reference('os', tag) })
    await pull('1', store)
    const damaged = proxyOf(store, 'open', async (image: StoredImage) => {
      const reads = new Map<string, number>()
      const root = await store.open(image)
      return proxyOf(root, 'read', (path: string) => {
        const count = reads.get(path) ?? 0
        reads.set(path, count + 1)
        if (count < goodReads) return root.read(path)
        throw new BootcError('TREE_IO', `${path} cannot be read`, { details: { path } })
      })
    })
    const { bytesFetched } = await pull('2', damaged)
    expect(bytesFetched).toBe(chunked().manifest.layers[0]!.size)
  })

  test('without anything like it in the store the whole layer is fetched', async () => {
    await using registry = await serveRegistry({ 'os:2': chunked() })
    const result = await pullImage({
      transports: [registryTransport()],
      store: await makeStore(),
      reference: registry.reference('os', '2'),
    })
    expect(result.bytesFetched).toBe(chunked().manifest.layers[0]!.size)
  })

  test.each([
    ['the table of contents', 340_691, 2949],
    ['the tar-split data', 343_648, 1538],
    ['the file that is new', 134_000, 14_000],
  ])(
    'damage of %s is noticed: the layer is fetched whole, and refused when that is damaged too',
    async (_what, at, length) => {
      const damaged = chunked((blob) => {
        for (let index = at; index < at + length; index += 97) blob[index]! ^= 0x40
        return blob
      })
      await expect(pullBoth(damaged, true)).rejects.toMatchObject({
        code: expect.stringMatching(/^IMAGE_/) as string,
      })
    },
  )

  test('a server that damages ranges only costs a whole download', async () => {
    await using registry = await serveRegistry({ 'os:1': sample(1), 'os:2': chunked() })
    const store = await makeStore()
    const inner = registryTransport()
    const transport = {
      ...inner,
      openLayer: (...[image, layer, options]: Parameters<typeof inner.openLayer>) => {
        const source = inner.openLayer(image, layer, options)
        if (options?.range === undefined) return source
        return {
          async *[Symbol.asyncIterator]() {
            for await (const chunk of source) yield chunk.map((byte) => byte ^ 1)
          },
        }
      },
    }
    const events: PullEvent[] = []
    const pull = (tag: string) =>
      pullImage({
        transports: [transport],
        store,
        reference: registry.reference('os', tag),
        onProgress: (event) => void events.push(event),
      })
    await pull('1')
    const { bytesFetched, image } = await pull('2')
    expect(bytesFetched).toBe(chunked().manifest.layers[0]!.size)
    expect(image.layers[0]!.diffId).toBe(sample(2).layers[0]!.diffId)
    const told = events.filter(({ type }) => type === 'pull:partial')
    expect(told).toMatchObject([{ detail: { reason: expect.stringContaining('digest') as string } }])
  })
})
