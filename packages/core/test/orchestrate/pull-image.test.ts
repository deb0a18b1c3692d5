import { describe, expect, test } from 'vitest'
import { BootcError } from '../../src/errors.js'
import type { ImageStore } from '../../src/interfaces/index.js'
import { pullImage, type PullImageOptions } from '../../src/orchestrate/index.js'
import type { ProgressEvent } from '../../src/progress.js'
import {
  bootableImage,
  buildImage,
  file,
  memoryBackend,
  memorySysroot,
  memoryTransport,
  type MemoryTransportOptions,
} from '../../src/testing/index.js'
import { images } from './machine.js'

const reference = { transport: 'registry' as const, name: 'registry.example/os:stable' }
const byDigest = (version: number) => ({
  transport: 'registry' as const,
  name: `registry.example/os@${images[version - 1]!.manifestDigest}`,
})

async function setup(options: MemoryTransportOptions = {}) {
  const sysroot = memorySysroot()
  const store = (await memoryBackend().init(sysroot, await sysroot.lock())).images
  const transport = memoryTransport({ [reference.name]: images[0]! }, options)
  const pull = (more: Partial<PullImageOptions> = {}) =>
    pullImage({ transports: [transport], store, reference, retryWaitMs: 1, ...more })
  return { store, transport, pull }
}

const layersFetched = (log: readonly string[]) => log.filter((line) => line.startsWith('layer ')).length

async function count(store: ImageStore): Promise<number> {
  let images = 0
  for await (const _ of store.list()) images++
  return images
}

describe('pulling an image', () => {
  test('files it, and tells which layers were there', async () => {
    const { store, transport, pull } = await setup()
    const first = await pull()
    expect(first).toMatchObject({ changed: true, image: { manifestDigest: images[0]!.manifestDigest } })
    expect(first.layers.map(({ cached }) => cached)).toEqual([false, false, false])
    expect(first.bytesFetched).toBe(first.layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))

    transport.images.set(reference.name, images[1]!)
    transport.log.length = 0
    const second = await pull()
    expect(second.layers.map(({ cached }) => cached)).toEqual([true, true, false])
    expect(layersFetched(transport.log)).toBe(1)
    expect((await store.lookup(reference))?.manifestDigest).toBe(images[1]!.manifestDigest)
    expect(structuredClone(second)).toEqual(second)
  })

  test('of the same manifest again changes nothing', async () => {
    const { transport, pull } = await setup()
    await pull()
    transport.log.length = 0
    expect(await pull()).toMatchObject({ changed: false, reason: 'same-manifest', bytesFetched: 0 })
    expect(layersFetched(transport.log)).toBe(0)
  })

  test('of another manifest with the same config changes nothing', async () => {
    const { transport, pull } = await setup()
    await pull()
    transport.images.set(reference.name, bootableImage({ version: 1, compression: 'gzip' }))
    expect(await pull()).toMatchObject({ changed: false, reason: 'same-config' })
  })

  test('by a digest that is there asks nobody', async () => {
    const { transport, pull } = await setup()
    transport.images.set(byDigest(1).name, images[0]!)
    await pull({ reference: byDigest(1) })
    transport.log.length = 0
    expect(await pull({ reference: byDigest(1) })).toMatchObject({ changed: false, reason: 'digest-stored' })
    expect(transport.log).toEqual([])
  })

  test('with tag and digest goes by the digest', async () => {
    const { transport, pull } = await setup()
    transport.images.set(byDigest(1).name, images[0]!)
    await pull({ reference: { ...reference, name: byDigest(1).name.replace('@', ':any@') } })
    expect(transport.log[0]).toBe(`resolve ${byDigest(1).name}`)
  })

  test('can be filed under another reference', async () => {
    const { store, pull } = await setup()
    const target = { transport: 'registry' as const, name: 'mirror.example/os:stable' }
    await pull({ target })
    expect(await store.lookup(reference)).toBeUndefined()
    expect((await store.lookup(target))?.manifestDigest).toBe(images[0]!.manifestDigest)
  })

  test('tells of bytes, with a last word on every layer', async () => {
    const { pull } = await setup()
    const events: ProgressEvent[] = []
    const { layers } = await pull({ onProgress: (event) => events.push(event) })
    expect(events[0]?.type).toBe('pull:resolved')
    for (const { digest, sizeBytes } of layers) {
      const last = events.filter(({ type, detail }) => type === 'pull:layer' && detail.id === digest).at(-1)
      expect(last?.detail).toMatchObject({ bytes: sizeBytes, totalBytes: sizeBytes })
    }
  })
})

describe('refusals', () => {
  test('a transport that is not there', async () => {
    const { pull } = await setup()
    await expect(pull({ reference: { transport: 'dir', name: '/x' } })).rejects.toMatchObject({
      code: 'TRANSPORT_UNSUPPORTED',
    })
  })

  test('a signature mode without a policy engine', async () => {
    const { transport, pull } = await setup()
    await expect(pull({ source: { kind: 'containerPolicy' } })).rejects.toMatchObject({
      code: 'IMAGE_POLICY_UNSUPPORTED',
    })
    expect(layersFetched(transport.log)).toBe(0)
  })

  test('a policy that says no', async () => {
    const { store, pull } = await setup()
    const policy = {
      check: () => Promise.reject(new BootcError('IMAGE_POLICY_REJECTED', 'unsigned')),
    }
    await expect(pull({ policy })).rejects.toMatchObject({ code: 'IMAGE_POLICY_REJECTED' })
    expect(await count(store)).toBe(0)
  })

  test.each([
    ['an image that is not to be booted', 'IMAGE_NOT_BOOTABLE', buildImage({ layers: [] })],
    [
      'another architecture',
      'IMAGE_WRONG_ARCHITECTURE',
      bootableImage({ version: 1, architecture: 'arm64' }),
    ],
  ])('%s', async (_name, code, image) => {
    const { transport, pull } = await setup()
    transport.images.set(reference.name, image)
    await expect(pull({ requireBootable: { architecture: 'amd64' } })).rejects.toMatchObject({ code })
  })

  test('too little room, before anything is fetched', async () => {
    const { store, transport, pull } = await setup()
    const small: ImageStore = { ...store, freeBytes: () => Promise.resolve(10) }
    await expect(pull({ store: small })).rejects.toMatchObject({
      code: 'STORE_NO_SPACE',
      details: { freeBytes: 10 },
    })
    expect(layersFetched(transport.log)).toBe(0)
  })
})

describe('a transport that fails', () => {
  test('in passing is asked again for the whole layer', async () => {
    let failures = 2
    const { transport, pull } = await setup({
      spoil: (_layer, blob) => {
        if (failures-- <= 0) return undefined
        return (async function* () {
          yield blob.slice(0, 100)
          throw new BootcError('TRANSPORT_UNREACHABLE', 'connection reset')
        })()
      },
    })
    const events: ProgressEvent[] = []
    const result = await pull({ concurrency: 1, onProgress: (event) => events.push(event) })
    expect(result.changed).toBe(true)
    expect(layersFetched(transport.log)).toBe(5)
    expect(events.filter(({ type }) => type === 'pull:retry')).toHaveLength(2)
  })

  test('for good leaves no image, but keeps the layers that arrived', async () => {
    let spoiled = true
    const last = images[0]!.manifest.layers[2]!.digest
    const { store, transport, pull } = await setup({
      spoil: (layer, blob) => (spoiled && layer.digest === last ? blob.slice(0, 100) : undefined),
    })
    await expect(pull({ concurrency: 1 })).rejects.toMatchObject({ code: 'IMAGE_SIZE_MISMATCH' })
    expect(await count(store)).toBe(0)
    spoiled = false
    transport.log.length = 0
    const result = await pull()
    expect(result.layers.map(({ cached }) => cached)).toEqual([true, true, false])
  })
})

describe('abort', () => {
  test('ends with the reason, and leaves no image', async () => {
    const { store, pull } = await setup()
    const abort = new AbortController()
    const reason = new Error('enough')
    const pulling = pull({
      signal: abort.signal,
      concurrency: 1,
      onProgress: ({ type }) => type === 'pull:layer' && abort.abort(reason),
    })
    await expect(pulling).rejects.toBe(reason)
    expect(await count(store)).toBe(0)
    expect((await pull()).changed).toBe(true)
  })

  test('before the start does nothing at all', async () => {
    const { transport, pull } = await setup()
    await expect(pull({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
    expect(transport.log).toEqual([])
  })
})

test('a label other than 1 is a warning, not a refusal', async () => {
  const { transport, pull } = await setup()
  const image = buildImage({ layers: [{ entries: [file('a', 'b')] }], labels: { 'ostree.bootable': '1' } })
  transport.images.set(reference.name, image)
  const { warnings } = await pull({ requireBootable: { architecture: 'amd64' } })
  expect(warnings.map(({ code }) => code)).toEqual(['image:label-missing'])
})
