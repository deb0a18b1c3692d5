import { imageStoreSuite } from '@bootc-sdk/conformance'
import { pullImage } from '@bootc-sdk/core'
import { digestHex } from '@bootc-sdk/core/oci'
import {
  buildImage,
  buildIndex,
  file,
  memoryDir,
  memoryTransport,
  readText,
  type BuiltLayer,
  type MemoryDir,
} from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { containersImageStore } from '../src/index.js'
import { stage, stagedPath } from '../src/write/publish-layers.js'
import { readRecords } from '../src/write/records.js'
import { bigDataName, layerIds, linkName } from '../src/write/storage-layout.js'

imageStoreSuite({
  name: 'containers-storage in memory',
  test,
  describe,
  create: async () => {
    const dir = memoryDir()
    return { store: containersImageStore(dir), reopen: async () => containersImageStore(dir) }
  },
})

test('names in the store are those that skopeo gives', () => {
  // From overlay storage written by skopeo 1.9.3.
  const diffIds = [
    'sha256:fda80555f3f96f22c6d0c6e3719aa984928e7ad02ed45f9c76c8f1727a296642',
    'sha256:8c3607456b3a20deb9fce01702e151af71044695ccfccec8f486e8a24960ec62',
  ] as const
  expect(layerIds(diffIds)).toEqual([
    'fda80555f3f96f22c6d0c6e3719aa984928e7ad02ed45f9c76c8f1727a296642',
    '40b3fb52cf195747eecbbb8fe7119edcd9788092a0f9a34b591463bf45eb2338',
  ])
  expect(bigDataName('manifest')).toBe('manifest')
  expect(bigDataName('sha256:e5f2036f809378866ef256b58f1a95fd44599479d36f91255545d4990a920e47')).toBe(
    '=c2hhMjU2OmU1ZjIwMzZmODA5Mzc4ODY2ZWYyNTZiNThmMWE5NWZkNDQ1OTk0NzlkMzZmOTEyNTU1NDVkNDk5MGE5MjBlNDc=',
  )
  // Drawn by lot there; all that counts is that they are short, and as many as there are layers.
  expect(new Set(layerIds(diffIds).map(linkName)).size).toBe(2)
  expect(linkName('a')).toMatch(/^[A-Z2-7]{26}$/)
})

test('an image that an index led to is found by the digest of either', async () => {
  const dir = memoryDir()
  const image = buildImage({ layers: [{ entries: [file('a', 'a')] }] })
  const index = buildIndex([image])
  const reference = { transport: 'registry', name: `registry.test/a@${index.digest}` } as const
  await pullImage({
    transports: [memoryTransport({ [reference.name]: index })],
    store: containersImageStore(dir),
    reference,
    platform: { architecture: 'amd64', os: 'linux' },
  })
  const store = containersImageStore(dir)
  expect((await store.lookup(reference))?.manifestDigest).toBe(image.manifestDigest)
  expect((await store.get(image.manifestDigest))?.configDigest).toBe(image.configDigest)
  expect(await store.get(index.digest)).toBeUndefined()
  const kept = JSON.parse((await readText(dir, 'overlay-images/images.json'))!) as {
    'big-data-names': string[]
  }[]
  expect(kept[0]!['big-data-names']).toContain(`manifest-${index.digest}`)
})

describe('other writers and damage', () => {
  const base = { entries: [file('base', 'b'.repeat(1000))] }
  const names = ['registry.test/a:1', 'registry.test/b:1'] as const
  const built = names.map((name) => buildImage({ layers: [base, { entries: [file(name.slice(-3), name)] }] }))
  const transport = memoryTransport({ [names[0]]: built[0]!, [names[1]]: built[1]! })
  const pull = (dir: MemoryDir, name: string, from = transport) =>
    pullImage({
      transports: [from],
      store: containersImageStore(dir),
      reference: { transport: 'registry', name },
    })

  test('images that share a layer may come at the same time', async () => {
    const dir = memoryDir()
    const pulled = await Promise.all(names.map((name) => pull(dir, name)))
    for (const { image } of pulled) {
      const tree = await containersImageStore(dir).open(image)
      expect((await readText(tree, 'base'))?.length).toBe(1000)
    }
  })

  test('a layer that comes twice at the same moment counts once', async () => {
    const dir = memoryDir()
    await pull(dir, names[0])
    const [{ diffId, tar }] = buildImage({ layers: [{ entries: [file('new', 'n')] }] }).layers as [BuiltLayer]
    // Neither finds what the other is about to put there.
    let waiting = 0
    let open = (): void => undefined
    const bothAsked = new Promise<void>((resolve) => (open = resolve))
    const stat: MemoryDir['stat'] = async (path) => {
      const found = await dir.stat(path)
      if (path !== stagedPath(diffId)) return found
      if (++waiting === 2) open()
      await bothAsked
      return waiting > 2 ? dir.stat(path) : found
    }
    const storage = { dir: { ...dir, stat }, label: () => undefined }
    const bytes = async function* () {
      yield await Promise.resolve(tar)
    }
    const layer = { id: digestHex(diffId), diffId }
    await Promise.all([stage(storage, layer, bytes(), {}), stage(storage, layer, bytes(), {})])
    expect(await readText(dir, `${stagedPath(diffId)}/diff/new`)).toBe('n')
    const left: string[] = []
    for await (const { name } of dir.list('bootc-sdk/tmp')) left.push(name)
    expect(left).toEqual([])
  })

  test('a layer that podman was interrupted in is not taken for whole', async () => {
    const dir = memoryDir()
    await pull(dir, names[0])
    const path = 'overlay-layers/layers.json'
    const layers = JSON.parse((await readText(dir, path))!) as { id: string }[]
    const broken = { ...layers[0]!, id: 'f'.repeat(64), flags: { incomplete: true } }
    await dir.write(path, Buffer.from(JSON.stringify([broken, ...layers])))
    // The same layer on top of another is a copy of the one that is whole.
    const above = buildImage({ layers: [{ entries: [file('other', 'o')] }, base] })
    const { image } = await pull(dir, 'registry.test/c:1', memoryTransport({ 'registry.test/c:1': above }))
    const tree = await containersImageStore(dir).open(image)
    expect((await readText(tree, 'base'))?.length).toBe(1000)
  })

  test('what was remembered of an update may be damaged', async () => {
    const dir = memoryDir()
    const { image } = await pull(dir, names[0])
    const store = containersImageStore(dir)
    await dir.write(`bootc-sdk/updates/${image.id}.json`, Buffer.from('{"manifestDigest":'))
    expect((await store.get(image.manifestDigest))?.cachedUpdate).toBeUndefined()
  })

  test('a list that is no file, or as large as none is, is not read', async () => {
    const dir = memoryDir()
    await dir.mkdir('l')
    await expect(readRecords(dir, 'l')).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
    await dir.write('f', Buffer.from('[]'))
    const stat = async (path: string) => ({ ...(await dir.stat(path))!, sizeBytes: 300 * 1024 * 1024 })
    await expect(readRecords({ ...dir, stat }, 'f')).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
  })
})
