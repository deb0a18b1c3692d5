import assert from 'node:assert/strict'
import {
  isBootcError,
  type Bytes,
  type ImageReference,
  type ImageStore,
  type ImportOptions,
  type LayerTar,
  type ReadTree,
  type StoredImage,
} from '@bootc-sdk/core'
import { jsCodec } from '@bootc-sdk/core/codec'
import { buildImage, file, opaque, dir, symlink, type BuiltImage } from '@bootc-sdk/core/testing'
import { allOf, bytesOf, isPlainData, methodMatches, rejectsWith, rejectsWithReason } from './checks.js'
import { releaseImage } from './release-image.js'
import { resolvedOf } from './resolved-image.js'
import { group, type Runner } from './runner.js'

export interface ImageStoreSuiteOptions extends Runner {
  /** For test names. */
  readonly name: string
  /** An empty store. `reopen` opens the same content again, as another process would. */
  readonly create: () => Promise<{
    readonly store: ImageStore
    readonly reopen?: () => Promise<ImageStore>
    readonly dispose?: () => Promise<void>
  }>
  /** Owners, set-uid bits and extended attributes are kept; default true (not for stores of mode bare-user-only). */
  readonly keepsOwners?: boolean
}

const stable: ImageReference = { transport: 'registry', name: 'registry.test/os:stable' }
const other: ImageReference = { transport: 'registry', name: 'registry.test/other:stable' }

/** Import, look up, read, prune: what core relies on in a store of images. */
export function imageStoreSuite(options: ImageStoreSuiteOptions): void {
  const { name, keepsOwners = true } = options
  const test = (
    title: string,
    run: (store: ImageStore, reopen: () => Promise<ImageStore>) => Promise<void>,
  ) =>
    options.test(title, async () => {
      const { store, reopen = async () => store, dispose } = await options.create()
      try {
        await run(store, reopen)
      } finally {
        await dispose?.()
      }
    })

  group(options, `${name}: image store`, () => {
    test('methods are there exactly when they are claimed', async (store) => {
      assert.ok(Object.isFrozen(store.supports))
      methodMatches(store.supports.fsck, store.fsck, 'fsck')
      methodMatches(store.supports.commitSignatures === true, store.verifyCommit, 'verifyCommit')
    })

    test('an empty store has nothing', async (store) => {
      const image = releaseImage(1)
      assert.deepEqual(await allOf(store.list()), [])
      assert.equal(await store.get(image.manifestDigest), undefined)
      assert.equal(await store.lookup(stable), undefined)
      assert.ok((await store.freeBytes()) > 0)
    })

    test('an imported image is found by digest, by reference and in the list', async (store, reopen) => {
      const built = releaseImage(1)
      const { image } = await importImage(store, built)
      assert.equal(image.manifestDigest, built.manifestDigest)
      assert.equal(image.configDigest, built.configDigest)
      assert.deepEqual(
        image.layers.map(({ diffId }) => diffId),
        built.layers.map(({ diffId }) => diffId),
      )
      isPlainData(image)
      for (const again of [store, await reopen()]) {
        assert.equal((await again.get(built.manifestDigest))?.id, image.id)
        assert.deepEqual((await again.lookup(stable))?.reference, stable)
        assert.deepEqual(
          (await allOf(again.list())).map(({ manifestDigest }) => manifestDigest),
          [built.manifestDigest],
        )
      }
      const found = await store.get(built.manifestDigest)
      assert.deepEqual(found?.manifest, built.manifest)
      assert.equal(found?.config.architecture, 'amd64')
    })

    test('the flattened tree has content, links, modes and names as the layers say', async (store) => {
      const { image } = await importImage(store, releaseImage(2))
      const tree = await store.open(image)
      assert.equal(await textOf(tree, 'usr/bin/app'), 'program')
      assert.equal(await textOf(tree, 'usr/bin/app-link'), 'program')
      assert.equal(await textOf(tree, 'usr/share/caf\u00e9'), 'name beyond ASCII')
      assert.match(await textOf(tree, 'usr/lib/os-release'), /VERSION_ID=2/)
      assert.equal((await tree.stat('usr/bin/app'))?.mode, 0o755)
      assert.equal((await tree.stat('usr/lib'))?.type, 'directory')
      assert.equal(await tree.readlink('bin'), 'usr/bin')
      assert.equal(await tree.stat('usr/missing'), undefined)
      const names = (await allOf(tree.list('usr/bin'))).map((entry) => entry.name)
      assert.deepEqual(names, ['app', 'app-link', 'capable', 'su'])
      await rejectsWith(/^TREE_NOT_FOUND$/, () => bytesOf(tree.read('usr/missing')))
      await rejectsWith(/^TREE_/, () => bytesOf(tree.read('usr/bin')))
      assert.equal((await bytesOf(tree.read('usr/bin/app', { start: 1, end: 4 }))).toString(), 'rog')
    })

    test('owners, set-uid bits and extended attributes are kept', async (store) => {
      if (!keepsOwners) return
      const { image } = await importImage(store, releaseImage(1))
      const tree = await store.open(image)
      assert.equal((await tree.stat('usr/bin/su'))?.mode, 0o4755)
      const { uid, gid, mode } = (await tree.stat('usr/share/owned'))!
      assert.deepEqual({ uid, gid, mode }, { uid: 10, gid: 20, mode: 0o640 })
      const [xattr] = await tree.xattrs('usr/bin/capable')
      assert.equal(xattr?.name, 'security.capability')
      assert.equal(xattr?.value.length, 20)
    })

    test('upper layers win: whiteouts, opaque directories, files for directories', async (store) => {
      const lower = [dir('usr'), dir('usr/d'), file('usr/d/old', '1'), dir('usr/o'), file('usr/o/old', '1')]
      const upper = [
        dir('usr'),
        file('usr/d', 'now a file'),
        dir('usr/o'),
        opaque('usr/o'),
        file('usr/o/new', '2'),
      ]
      const built = buildImage({ layers: [{ entries: lower }, { entries: upper }] })
      const { image } = await importImage(store, built)
      const tree = await store.open(image)
      assert.equal(await textOf(tree, 'usr/d'), 'now a file')
      assert.deepEqual(
        (await allOf(tree.list('usr/o'))).map((entry) => entry.name),
        ['new'],
      )
      const { image: gone } = await importImage(store, releaseImage(2), { target: other })
      const etc = (await (await store.open(gone)).stat('usr/etc')) === undefined ? 'etc' : 'usr/etc'
      assert.equal(await (await store.open(gone)).stat(`${etc}/legacy.conf`), undefined)
    })

    test('layers that are there are not fetched again', async (store) => {
      await importImage(store, releaseImage(1))
      const { fetched, image } = await importImage(store, releaseImage(2))
      assert.deepEqual(fetched, [2])
      assert.deepEqual(
        image.layers.map(({ cached }) => cached),
        [true, true, false],
      )
    })

    test('the same layer twice in an image is put once or twice, and read once', async (store) => {
      const layer = { entries: [dir('usr'), file('usr/a', 'a')] }
      const { image } = await importImage(store, buildImage({ layers: [layer, layer] }))
      assert.equal(await textOf(await store.open(image), 'usr/a'), 'a')
    })

    test('an abandoned import leaves no image, and keeps the layers that arrived', async (store) => {
      const built = releaseImage(1)
      {
        await using session = await store.begin(resolvedOf(built, stable))
        await session.putLayer(0, tarOf(built, 0))
      }
      assert.deepEqual(await allOf(store.list()), [])
      assert.equal(await store.lookup(stable), undefined)
      await using again = await store.begin(resolvedOf(built, stable))
      assert.deepEqual(
        again.layers.map(({ present }) => present),
        [true, false, false],
      )
    })

    test('an import cannot be committed while a layer is missing', async (store) => {
      const built = releaseImage(1)
      await using session = await store.begin(resolvedOf(built, stable))
      await session.putLayer(0, tarOf(built, 0))
      await rejectsWith(/^(IMAGE|STORE)_/, () => session.commit())
      assert.equal(await store.get(built.manifestDigest), undefined)
    })

    test('a layer that fails at its end leaves nothing visible', async (store) => {
      const built = releaseImage(1)
      const failure = new Error('digest does not match')
      {
        await using session = await store.begin(resolvedOf(built, stable))
        const spoiled = failingAfter(tarOf(built, 0), failure)
        await assert.rejects(session.putLayer(0, spoiled), (error) => rootCause(error) === failure)
      }
      await using again = await store.begin(resolvedOf(built, stable))
      assert.equal(again.layers[0]?.present, false)
    })

    test('a truncated layer is refused', async (store) => {
      const built = releaseImage(1)
      await using session = await store.begin(resolvedOf(built, stable))
      const half = built.layers[0]!.tar.slice(0, 1300)
      await rejectsWith(/^(IMAGE|STORE)_/, () => session.putLayer(0, streamOf(half)))
      await rejectsWith(/^(IMAGE|STORE)_/, () => session.commit())
    })

    for (const [what, entries] of hostileLayers) {
      test(`a layer that leaves the root is refused or contained: ${what}`, async (store) => {
        const built = buildImage({ layers: [{ entries }] })
        let image: StoredImage
        try {
          image = (await importImage(store, built)).image
        } catch (error) {
          assert.ok(isBootcError(error) && /^(IMAGE|STORE|TREE)_/.test(error.code), String(error))
          assert.equal(await store.get(built.manifestDigest), undefined)
          return
        }
        for await (const { name } of (await store.open(image)).list('')) {
          assert.doesNotMatch(name, /^\.\.?$|\//)
        }
      })
    }

    test('aborting rejects with the reason and leaves no image', async (store) => {
      const built = releaseImage(1)
      await rejectsWithReason((signal) => store.begin(resolvedOf(built, stable), { signal }))
      const reason = new Error('enough')
      const controller = new AbortController()
      {
        await using session = await store.begin(resolvedOf(built, stable))
        const tar = abortingAfter(tarOf(built, 0), () => controller.abort(reason))
        const put = session.putLayer(0, tar, { signal: controller.signal })
        await assert.rejects(put, (error) => error === reason)
      }
      assert.deepEqual(await allOf(store.list()), [])
    })

    test('a target reference is used instead of the image\u2019s own; none at all when asked', async (store) => {
      await importImage(store, releaseImage(1), { target: other })
      assert.equal(await store.lookup(stable), undefined)
      assert.equal((await store.lookup(other))?.manifestDigest, releaseImage(1).manifestDigest)
      await importImage(store, releaseImage(2), { unnamed: true })
      assert.equal(await store.lookup(stable), undefined)
    })

    test('importing a newer image under a reference moves the reference', async (store) => {
      await importImage(store, releaseImage(1))
      await importImage(store, releaseImage(2))
      assert.equal((await store.lookup(stable))?.manifestDigest, releaseImage(2).manifestDigest)
    })

    test('what a check for updates saw is remembered and forgotten', async (store, reopen) => {
      const { image } = await importImage(store, releaseImage(1))
      const { manifestDigest, manifest, config } = releaseImage(2)
      await store.setCachedUpdate(image, { manifestDigest, manifest, config })
      const seen = await (await reopen()).get(image.manifestDigest)
      assert.equal(seen?.cachedUpdate?.manifestDigest, manifestDigest)
      assert.deepEqual(seen?.cachedUpdate?.manifest, manifest)
      await store.setCachedUpdate(image, undefined)
      assert.equal((await store.get(image.manifestDigest))?.cachedUpdate, undefined)
    })

    test('prune keeps what it is told to, whole, and removes the rest', async (store) => {
      const first = await importImage(store, releaseImage(1), { target: other })
      const second = await importImage(store, releaseImage(3))
      const result = await store.prune(new Set([second.image.manifestDigest]))
      assert.equal(result.images, 1)
      assert.ok(result.bytes > 0 && result.objects > 0, 'something was freed')
      assert.equal(await store.get(first.image.manifestDigest), undefined)
      assert.equal(await textOf(await store.open(second.image), 'usr/bin/app'), 'program')
      const again = await store.prune(new Set([second.image.manifestDigest]))
      assert.deepEqual({ images: again.images, bytes: again.bytes }, { images: 0, bytes: 0 })
      const { fetched } = await importImage(store, releaseImage(1))
      assert.deepEqual(fetched, [1, 2], 'the base layer is shared and stayed')
    })

    test('after everything was pruned nothing is left to list', async (store) => {
      await importImage(store, releaseImage(1))
      assert.equal(await store.remove(stable), true)
      assert.equal(await store.remove(stable), false)
      await store.prune(new Set())
      assert.deepEqual(await allOf(store.list()), [])
      const { fetched } = await importImage(store, releaseImage(1))
      assert.deepEqual(fetched, [0, 1, 2])
    })

    test('fsck of a store that was used is clean', async (store) => {
      if (store.fsck === undefined) return
      await importImage(store, releaseImage(1))
      await importImage(store, releaseImage(2))
      await store.prune(new Set([releaseImage(2).manifestDigest]))
      const { objects, problems } = await store.fsck()
      assert.ok(objects > 0)
      assert.deepEqual(problems, [])
    })
  })
}

/** Import as core does: what is missing, in order, through the codec. */
export async function importImage(
  store: ImageStore,
  built: BuiltImage,
  options: ImportOptions = {},
): Promise<{ image: StoredImage; fetched: number[] }> {
  await using session = await store.begin(resolvedOf(built, stable), options)
  const fetched: number[] = []
  for (const [index, layer] of session.layers.entries()) {
    if (layer.present) continue
    await session.putLayer(index, tarOf(built, index))
    fetched.push(index)
  }
  const { image } = await session.commit()
  return { image, fetched }
}

function tarOf(built: BuiltImage, index: number): LayerTar {
  const { blob, descriptor, diffId } = built.layers[index]!
  const expected = { digest: descriptor.digest, sizeBytes: descriptor.size, diffId }
  return jsCodec().decodeLayer(streamOf(blob), expected)
}

async function* streamOf(bytes: Uint8Array): Bytes {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.slice(at, at + 1000)
}

async function* failingAfter(bytes: Bytes, failure: Error): Bytes {
  yield* bytes
  throw failure
}

async function* abortingAfter(bytes: Bytes, abort: () => void): Bytes {
  yield* bytes
  abort()
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error
}

async function textOf(tree: ReadTree, path: string): Promise<string> {
  return (await bytesOf(tree.read(path))).toString()
}

const hostileLayers = [
  ['a name with ..', [dir('usr'), file('usr/../../outside', 'x')]],
  ['an absolute name', [file('/outside', 'x')]],
  ['a file below a symbolic link', [symlink('link', '/'), file('link/outside', 'x')]],
  ['a link to outside in place of a directory', [symlink('usr', '../../outside'), file('usr/x', 'x')]],
  ['a hard link to nothing', [{ name: 'usr/x', type: 'hardlink', linkName: 'usr/missing' }]],
  ['a hard link to outside', [{ name: 'x', type: 'hardlink', linkName: '../../etc/passwd' }]],
] as const
