import { readFileSync } from 'node:fs'
import { jsCodec } from '@bootc-sdk/core/codec'
import {
  bootableImage,
  buildImage,
  file,
  memoryDir,
  whiteout,
  type BuiltImage,
} from '@bootc-sdk/core/testing'
import type {
  Digest,
  ImageStore,
  ImportOptions,
  ImportSession,
  ResolvedImage,
  StoredImage,
} from '@bootc-sdk/core'
import { canonicalJson, parseImageReference } from '@bootc-sdk/core/oci'
import { describe, expect, test } from 'vitest'
import { ostreeImageStore } from '../../src/container/image-store.js'
import type { OstreeRepo } from '../../src/repo/api.js'
import { initRepo } from '../../src/repo/index.js'
import { goldenPath, importLayout, layoutImage } from './golden-images.js'

async function memoryStore(mode: 'bare' | 'archive' | 'bare-user-only' = 'archive'): Promise<{
  repo: OstreeRepo
  store: ImageStore
}> {
  const repo = await initRepo(memoryDir(), mode, { native: false })
  return { repo, store: ostreeImageStore(repo) }
}

function resolved(built: BuiltImage, name = 'example.test/a:1'): ResolvedImage {
  const { manifest, manifestBytes, manifestDigest, manifestMediaType, config, configBytes, configDigest } =
    built
  const reference = { transport: 'registry' as const, name }
  return {
    reference,
    manifest,
    manifestBytes,
    manifestDigest,
    manifestMediaType,
    config,
    configBytes,
    configDigest,
  }
}

async function put(session: ImportSession, built: BuiltImage, index: number): Promise<void> {
  const { blob, descriptor, diffId } = built.layers[index]!
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield blob
  }
  const source = { [Symbol.asyncIterator]: bytes }
  await session.putLayer(
    index,
    jsCodec().decodeLayer(source, { digest: descriptor.digest, sizeBytes: descriptor.size, diffId }),
  )
}

async function importBuilt(
  store: ImageStore,
  built: BuiltImage,
  name?: string,
  options: ImportOptions = {},
): Promise<StoredImage> {
  await using session = await store.begin(resolved(built, name), { timestamp: 1_700_000_000, ...options })
  await Promise.all(
    [...session.layers.keys()].filter((i) => !session.layers[i]!.present).map((i) => put(session, built, i)),
  )
  return (await session.commit()).image
}

async function all(store: ImageStore): Promise<StoredImage[]> {
  const out: StoredImage[] = []
  for await (const image of store.list()) out.push(image)
  return out
}

describe('the five steps of an upgrade with the real tool', () => {
  interface Step {
    readonly layout: string
    readonly refs: Readonly<Record<string, string>>
    readonly image_commit_detached_metadata: Readonly<Record<string, string>>
  }
  const { steps } = JSON.parse(readFileSync(goldenPath('13-upgrade', 'expected.json'), 'utf8')) as {
    steps: Step[]
  }
  const reference = 'oci:/tmp/golden/13-upgrade:latest'
  const layout = (step: Step): string => goldenPath('13-upgrade', step.layout)

  test('leave the same refs and metadata', async () => {
    const { repo, store } = await memoryStore()
    const imageOf = (step: Step): ResolvedImage => layoutImage(layout(step), reference)
    const [first, again, recompressed, check, upgrade] = steps as [Step, Step, Step, Step, Step]
    const refs = async (): Promise<unknown> => Object.fromEntries(await repo.listRefs())

    const { image } = await importLayout(store, layout(first), imageOf(first), jsCodec())
    expect(await refs()).toEqual(first.refs)

    // Whoever pulls finds the image by its manifest, or by its config when it was only recompressed.
    expect((await store.lookup(parseImageReference(reference)))!.manifestDigest).toBe(
      imageOf(again).manifestDigest,
    )
    expect((await store.lookup(parseImageReference(reference)))!.configDigest).toBe(
      imageOf(recompressed).configDigest,
    )
    expect((await store.get(imageOf(again).manifestDigest))!.id).toBe(image.id)

    const { manifest, config, manifestDigest } = imageOf(check)
    await store.setCachedUpdate(image, { manifest, config, manifestDigest })
    expect(await refs()).toEqual(check.refs)
    const detached = (await repo.readDetached(image.id))!.map(([key, { value }]) => [
      key,
      `'${value as string}'`,
    ])
    expect(Object.fromEntries(detached)).toEqual(check.image_commit_detached_metadata)
    const { cachedUpdate } = (await store.lookup(parseImageReference(reference)))!
    expect(cachedUpdate!.manifestDigest).toBe(manifestDigest)
    expect(canonicalJson(cachedUpdate!.manifest as never)).toBe(
      readFileSync(goldenPath('13-upgrade', 'check-output-manifest.json'), 'utf8').trim(),
    )

    await using session = await store.begin(imageOf(upgrade))
    expect(session.layers.map(({ present }) => present)).toEqual([true, true, false])
    const next = await importLayout(store, layout(upgrade), imageOf(upgrade), jsCodec())
    expect(next.image.layers.map(({ cached }) => cached)).toEqual([true, true, false])
    await store.prune(new Set([next.image.manifestDigest]))
    expect(await refs()).toEqual(upgrade.refs)
    expect(next.image.cachedUpdate).toBeUndefined()
  })

  test('clearing the cached update leaves other detached metadata alone', async () => {
    const { repo, store } = await memoryStore()
    const image = await importBuilt(store, bootableImage({ version: 1 }))
    await using transaction = await repo.begin()
    await transaction.writeDetached(image.id, [['mine', { type: 's', value: 'x' }]])
    await transaction.commit()
    const { manifest, config, manifestDigest } = bootableImage({ version: 2 })
    await store.setCachedUpdate(image, { manifest, config, manifestDigest })
    await store.setCachedUpdate(image, undefined)
    expect(await repo.readDetached(image.id)).toEqual([['mine', { type: 's', value: 'x' }]])
  })
})

describe('sessions', () => {
  test('layers may be put in any order and at once, the result is the same', async () => {
    const built = bootableImage({ version: 2 })
    const { store } = await memoryStore()
    const image = await importBuilt(store, built)
    const other = await memoryStore('bare')
    await using session = await other.store.begin(resolved(built), { timestamp: 1 })
    for (const i of [2, 0, 1]) await put(session, built, i)
    const result = await session.commit()
    expect(result.image.id).toBe(image.id)
    expect(result.warnings).toEqual([])
  })

  test('a layer that was put stays when the session is given up, the image does not', async () => {
    const built = bootableImage({ version: 1 })
    const { repo, store } = await memoryStore()
    {
      await using session = await store.begin(resolved(built))
      await put(session, built, 1)
    }
    expect([...(await repo.listRefs()).keys()]).toHaveLength(1)
    expect(await all(store)).toEqual([])
    await using again = await store.begin(resolved(built))
    expect(again.layers.map(({ present }) => present)).toEqual([false, true, false])
  })

  test('a config cannot pass off a layer for another one', async () => {
    const evil = { entries: [file('usr/bin/sh', 'evil')] }
    const good = buildImage({ layers: [{ entries: [file('usr/bin/sh', 'good')] }] })
    const goodLayer = good.layers[0]!
    const evilLayer = buildImage({ layers: [evil] }).layers[0]!
    const claiming = (layers: readonly BuiltImage['layers'][number][], diffIds: readonly Digest[]) => {
      const built = buildImage({ layers: layers.map(() => evil) })
      const descriptors = layers.map(({ descriptor }) => descriptor)
      return {
        ...built,
        manifest: { ...built.manifest, layers: descriptors },
        config: { ...built.config, rootfs: { type: 'layers' as const, diff_ids: diffIds } },
        layers: layers.map((layer, i) => ({ ...layer, diffId: diffIds[i]! })),
      }
    }
    const lies = [
      // The other layer's digest with a diffId that is there.
      claiming([evilLayer, goodLayer], [evilLayer.diffId, evilLayer.diffId]),
      // A digest that is there with the other layer's diffId.
      claiming([evilLayer], [goodLayer.diffId]),
      claiming([evilLayer, evilLayer], [evilLayer.diffId, goodLayer.diffId]),
    ]
    for (const lie of lies) {
      const { store } = await memoryStore()
      {
        await using session = await store.begin(resolved(claiming([evilLayer], [evilLayer.diffId])))
        await put(session, claiming([evilLayer], [evilLayer.diffId]), 0)
      }
      await importBuilt(store, lie, 'example.test/lie:1').catch(() => undefined)
      const recompressed = buildImage({
        layers: [{ entries: [file('usr/bin/sh', 'good')], compression: 'none' }],
      })
      for (const built of [good, recompressed]) {
        const tree = await store.open(await importBuilt(store, built))
        const chunks: Uint8Array[] = []
        for await (const chunk of tree.read('usr/bin/sh')) chunks.push(chunk)
        expect(Buffer.concat(chunks).toString()).toBe('good')
      }
    }
  })

  test('an image stays when what a check for updates left cannot be read', async () => {
    const { repo, store } = await memoryStore()
    const image = await importBuilt(store, bootableImage({ version: 1 }))
    await using transaction = await repo.begin()
    const text = (value: string) => ({ type: 's', value })
    await transaction.writeDetached(image.id, [
      ['ostree-ext.cached.manifest-digest', text(image.manifestDigest)],
      ['ostree-ext.cached.manifest', text('{"schemaVersion":2')],
      ['ostree-ext.cached.config', text('{}')],
    ])
    await transaction.commit()
    await store.prune(new Set([image.manifestDigest]))
    expect((await all(store)).map(({ id, cachedUpdate }) => [id, cachedUpdate])).toEqual([
      [image.id, undefined],
    ])
  })

  test('records of layers go with them', async () => {
    const { repo, store } = await memoryStore()
    await importBuilt(store, bootableImage({ version: 1 }))
    expect(await left(repo, 'extensions/bootc-sdk/layers')).toHaveLength(3)
    await store.prune(new Set())
    expect(await left(repo, 'extensions/bootc-sdk/layers')).toEqual([])
  })

  test('commit asks for every layer, and nothing can be put afterwards', async () => {
    const built = bootableImage({ version: 1 })
    const { store } = await memoryStore()
    const session = await store.begin(resolved(built))
    await put(session, built, 0)
    await expect(session.commit()).rejects.toMatchObject({
      code: 'IMAGE_IMPORT_STATE',
      details: { missing: 1 },
    })
    await put(session, built, 1)
    await put(session, built, 2)
    await session.commit()
    await expect(put(session, built, 2)).rejects.toMatchObject({ code: 'IMAGE_IMPORT_STATE' })
    await expect(session.commit()).rejects.toMatchObject({ code: 'IMAGE_IMPORT_STATE' })
  })

  test('nothing of a layer is visible when its stream fails at the end', async () => {
    const built = bootableImage({ version: 1 })
    const { repo, store } = await memoryStore()
    await using session = await store.begin(resolved(built))
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield built.layers[0]!.tar
      throw new Error('wrong digest')
    }
    await expect(session.putLayer(0, failing())).rejects.toThrow('wrong digest')
    expect((await repo.listRefs()).size).toBe(0)
    expect((await repo.prune({ refsOnly: true, dryRun: true })).total).toBe(0)
    expect(await left(repo, 'tmp')).toEqual([])
    await put(session, built, 0)
  })

  test('an abort leaves with its reason and nothing visible', async () => {
    const built = bootableImage({ version: 1 })
    const { repo, store } = await memoryStore()
    const controller = new AbortController()
    await using session = await store.begin(resolved(built))
    async function* aborting(): AsyncGenerator<Uint8Array> {
      yield built.layers[0]!.tar.subarray(0, 2048)
      controller.abort(new Error('enough'))
      yield built.layers[0]!.tar.subarray(2048)
    }
    await expect(session.putLayer(0, aborting(), { signal: controller.signal })).rejects.toThrow('enough')
    expect((await repo.listRefs()).size).toBe(0)
  })

  test('a layer that occurs twice is put once', async () => {
    const layer = { entries: [file('usr/x', 'x')] }
    const built = buildImage({ layers: [layer, { entries: [whiteout('usr/x')] }, layer] })
    const { repo, store } = await memoryStore()
    await using session = await store.begin(resolved(built), { timestamp: 7 })
    expect(session.layers.map(({ present }) => present)).toEqual([false, false, true])
    await put(session, built, 0)
    await put(session, built, 1)
    const { image } = await session.commit()
    const tree = await store.open(image)
    expect((await tree.stat('usr/x'))!.type).toBe('file')
    const commit = await repo.readCommit(image.layers[0]!.id)
    expect(commit.parent).toMatch(/^[0-9a-f]{64}$/)
  })

  test('repositories without owners take canonical attributes', async () => {
    const entries = [file('usr/bin/su', 'x', { mode: 0o4775, uid: 7, gid: 8, xattrs: { 'user.a': 'b' } })]
    const { store } = await memoryStore('bare-user-only')
    const image = await importBuilt(store, buildImage({ layers: [{ entries }] }))
    const tree = await store.open(image)
    expect(await tree.stat('usr/bin/su')).toMatchObject({ uid: 0, gid: 0, mode: 0o755 })
  })

  test('a warning counts the paths that are left out', async () => {
    const built = buildImage({
      layers: [{ entries: [file('run/a/b', ''), file('run/a/c', ''), file('dev/null', '')] }],
    })
    const { store } = await memoryStore()
    await using session = await store.begin(resolved(built))
    await put(session, built, 0)
    const { warnings } = await session.commit()
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'image:paths-dropped', details: { dropped: { a: 2, null: 1 } } }),
    ])
  })
})

describe('names and lists', () => {
  test('an image is found under its target, not under its source', async () => {
    const { store } = await memoryStore()
    const target = parseImageReference('docker://example.test/target')
    const image = await importBuilt(store, bootableImage({ version: 1 }), 'example.test/source', { target })
    expect(image.reference).toEqual(target)
    expect((await store.lookup(target))!.id).toBe(image.id)
    expect(await store.lookup(parseImageReference('docker://example.test/source'))).toBeUndefined()
    expect((await all(store)).map(({ reference }) => reference)).toEqual([target])
  })

  test('an unnamed image is in no list until something keeps it', async () => {
    const { repo, store } = await memoryStore()
    const image = await importBuilt(store, bootableImage({ version: 1 }), undefined, { unnamed: true })
    expect(await all(store)).toEqual([])
    await using transaction = await repo.begin()
    transaction.setRef('ostree/0/1/0', image.id)
    await transaction.commit()
    const [found] = await all(store)
    expect(found).toMatchObject({ id: image.id, manifestDigest: image.manifestDigest })
    expect(found!.reference).toBeUndefined()
    await store.prune(new Set())
    expect((await all(store)).map(({ id }) => id)).toEqual([image.id])
    expect((await repo.listRefs('ostree/container/blob')).size).toBe(3)
  })

  test('removing a name keeps the content until the next prune', async () => {
    const { repo, store } = await memoryStore()
    const image = await importBuilt(store, bootableImage({ version: 1 }))
    expect(await store.remove(image.reference!)).toBe(true)
    expect(await store.remove(image.reference!)).toBe(false)
    expect(await repo.has('commit', image.id)).toBe(true)
    const result = await store.prune(new Set([image.manifestDigest]))
    expect(result).toMatchObject({ images: 0, layers: 3 })
    expect(result.objects).toBeGreaterThan(10)
    expect(await repo.has('commit', image.id)).toBe(false)
  })

  test('pruning keeps layers that a kept image shares', async () => {
    const { store } = await memoryStore()
    const one = await importBuilt(store, bootableImage({ version: 1 }), 'example.test/a:1')
    const two = await importBuilt(store, bootableImage({ version: 2 }), 'example.test/a:2')
    expect(await store.prune(new Set([two.manifestDigest]))).toMatchObject({ images: 1, layers: 1 })
    const [kept] = await all(store)
    expect(kept!.layers.every(({ id }) => id !== '')).toBe(true)
    expect(await store.get(one.manifestDigest)).toBeUndefined()
    const tree = await store.open(two)
    expect((await tree.stat('usr/share/app/version'))!.type).toBe('file')
  })

  test('an image whose commit is damaged counts as absent and can be imported again', async () => {
    const { repo, store } = await memoryStore()
    const built = bootableImage({ version: 1 })
    const image = await importBuilt(store, built)
    const path = `objects/${image.id.slice(0, 2)}/${image.id.slice(2)}.commit`
    await repo.dir.remove(path)
    expect(await store.lookup(image.reference!)).toBeUndefined()
    expect(await all(store)).toEqual([])
    expect((await importBuilt(store, built)).id).toBe(image.id)
  })

  test('free bytes leave out the reserve of the repository', async () => {
    const { repo, store } = await memoryStore()
    await repo.setConfig([{ group: 'core', key: 'min-free-space-percent', value: '0' }])
    expect(await store.freeBytes()).toBe((await repo.dir.space()).freeBytes)
    await repo.setConfig([{ group: 'core', key: 'min-free-space-size', value: '1MB' }])
    expect(await store.freeBytes()).toBe((await repo.dir.space()).freeBytes - 2 ** 20)
  })
})

async function left(repo: OstreeRepo, path: string): Promise<string[]> {
  const out: string[] = []
  for await (const { name } of repo.dir.list(path)) if (name !== 'cache') out.push(name)
  return out
}
