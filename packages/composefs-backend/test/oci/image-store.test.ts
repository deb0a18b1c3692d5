import { isBootcError, type Digest, type Dir, type ImageReference } from '@bootc-sdk/core'
import { mediaTypes } from '@bootc-sdk/core/oci'
import { buildImage, dirs, file, memoryDir, readText } from '@bootc-sdk/core/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import { writeErofs } from '../../src/format/erofs/write.js'
import { composefsImageStore, type ComposefsImageStoreOptions } from '../../src/oci/index.js'
import { bootImageRef, configStream, imageRef, manifestStream } from '../../src/oci/names.js'
import { bootcTag, listTags, setTag } from '../../src/oci/tags.js'
import { digestOf } from '../../src/repo/digest.js'
import { initComposefsRepo, openComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { imageIdOf } from '../../src/tree/image-id.js'
import { bootTransform } from '../../src/tree/boot-transform.js'
import { ociTransform } from '../../src/tree/oci-transform.js'
import { repoFileReader } from '../../src/tree/read-file.js'
import { treeFromLayers } from '../../src/tree/from-layers.js'
import { importBuilt, listing, osImage, other, resolved, stable, tarOf } from './built.js'

let dir: Dir
let repo: ComposefsRepo

beforeEach(async () => {
  dir = memoryDir()
  repo = await initComposefsRepo(dir, { algorithm: 'sha256' })
  return () => repo[Symbol.asyncDispose]()
})

const storeOf = (options: ComposefsImageStoreOptions = {}) => composefsImageStore(repo, options)

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

async function tags(): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of listTags(repo)) names.push(name)
  return names.sort()
}

async function tag(name: string, manifestDigest: Digest): Promise<void> {
  await using transaction = await repo.begin()
  setTag(transaction, name, manifestDigest)
  await transaction.commit()
}

/** What the config stream links. */
async function links(configDigest: Digest): Promise<ReadonlyMap<string, string>> {
  return (await repo.openStream((await repo.stream(configStream(configDigest)))!)).namedRefs
}

describe('what can be an image', () => {
  test('an artifact is refused before anything is written', async () => {
    const built = buildImage({
      layers: [{ entries: [file('x')] }],
      manifest: (manifest) => ({
        ...manifest,
        config: { ...manifest.config, mediaType: mediaTypes.ociEmpty },
      }),
    })
    const before = await listing(dir)
    expect(await codeOf(storeOf().begin(resolved(built)))).toBe('IMAGE_NOT_AN_IMAGE')
    expect(await listing(dir)).toEqual(before)
  })

  test('documents that do not have their digests are refused', async () => {
    const image = resolved(osImage('1'))
    const store = storeOf()
    const manifestBytes = Buffer.from('{}')
    expect(await codeOf(store.begin({ ...image, manifestBytes }))).toBe('IMAGE_DIGEST_MISMATCH')
    expect(await codeOf(store.begin({ ...image, configBytes: manifestBytes }))).toBe('IMAGE_DIGEST_MISMATCH')
  })

  test('a reference that is too long for a tag is refused at once, and found nowhere', async () => {
    const target: ImageReference = { transport: 'registry', name: `host.test/${'a/'.repeat(130)}b` }
    const store = storeOf()
    expect(await codeOf(store.begin(resolved(osImage('1')), { target }))).toBe('STORE_COMPOSEFS_INVALID')
    expect(await store.lookup(target)).toBeUndefined()
    expect(await store.remove(target)).toBe(false)
    const bootc = storeOf({ tagStyle: 'bootc' })
    await importBuilt(bootc, osImage('1'), { target })
    expect((await bootc.lookup(target))?.reference).toEqual(target)
  })

  test('an image with the media types of Docker has layers by both names, so that cfsctl finds them', async () => {
    const built = osImage('1', { family: 'docker' })
    const store = storeOf()
    const { image } = await importBuilt(store, built)
    expect((await store.get(built.manifestDigest))?.id).toBe(image.id)
    const manifest = await repo.openStream((await repo.stream(manifestStream(built.manifestDigest)))!)
    for (const { diffId, descriptor } of built.layers) {
      expect(manifest.namedRefs.get(diffId)).toBe(manifest.namedRefs.get(descriptor.digest))
      expect(manifest.namedRefs.get(diffId)).toMatch(/^[0-9a-f]{64}$/)
    }
    expect((await store.fsck!()).problems).toEqual([])
  })

  test('a label that names another digest is a warning', async () => {
    const labels = { 'containers.composefs.fsverity': 'a'.repeat(64) }
    const { warnings } = await importBuilt(storeOf(), osImage('1', { labels }))
    expect(warnings.map(({ code }) => code)).toEqual(['image:seal-mismatch'])
    const { image } = await importBuilt(storeOf(), osImage('1'))
    const sealed = await importBuilt(
      storeOf(),
      osImage('1', { labels: { 'containers.composefs.fsverity': image.id } }),
    )
    expect(sealed.warnings).toEqual([])
  })
})

describe('names', () => {
  test('the tag is the reference as given', async () => {
    await importBuilt(storeOf(), osImage('1'))
    expect(await tags()).toEqual(['docker://registry.test/os:stable'])
  })

  test('as bootc does it, the tag is the manifest digest; the reference is found all the same', async () => {
    const store = storeOf({ tagStyle: 'bootc' })
    const { image } = await importBuilt(store, osImage('1'))
    expect(await tags()).toEqual([`localhost/bootc-${image.manifestDigest}`])
    expect((await store.lookup(stable))?.id).toBe(image.id)
    expect((await store.get(image.manifestDigest))?.reference).toEqual(stable)
  })

  test('an image that bootc pulled is found by the reference that its deployment follows', async () => {
    const { image } = await importBuilt(storeOf({ tagStyle: 'bootc' }), osImage('1'), { unnamed: true })
    const deployments = () =>
      Promise.resolve([{ imageId: image.id, manifestDigest: image.manifestDigest, reference: stable }])
    const store = storeOf({ tagStyle: 'bootc', deployments })
    expect((await store.lookup(stable))?.manifestDigest).toBe(image.manifestDigest)
    expect(await store.lookup(other)).toBeUndefined()
    const references = []
    for await (const { reference } of store.list()) references.push(reference)
    expect(references).toEqual([stable])
  })

  test('two names of one image: removing one leaves the other', async () => {
    for (const tagStyle of ['reference', 'bootc'] as const) {
      const store = storeOf({ tagStyle })
      await importBuilt(store, osImage('1'))
      const { image } = await importBuilt(store, osImage('1'), { target: other })
      expect(await store.remove(stable)).toBe(true)
      expect(await store.lookup(stable)).toBeUndefined()
      expect((await store.lookup(other))?.manifestDigest).toBe(image.manifestDigest)
      await store.prune(new Set([image.manifestDigest]))
      expect((await store.lookup(other))?.manifestDigest).toBe(image.manifestDigest)
      expect(await store.remove(other)).toBe(true)
      expect(await tags()).toEqual([])
      await store.prune(new Set())
      expect(await store.get(image.manifestDigest)).toBeUndefined()
    }
  })

  test('pruning leaves tags of the other style alone', async () => {
    const { image } = await importBuilt(storeOf(), osImage('1'))
    const { image: deployed } = await importBuilt(storeOf({ tagStyle: 'bootc' }), osImage('2'))
    await storeOf({ tagStyle: 'bootc' }).prune(new Set())
    expect(await tags()).toEqual(['docker://registry.test/os:stable'])
    expect(await storeOf().get(deployed.manifestDigest)).toBeUndefined()
    await tag(bootcTag(image.manifestDigest), image.manifestDigest)
    await storeOf().prune(new Set())
    expect(await tags()).toEqual([bootcTag(image.manifestDigest)])
    expect((await storeOf().get(image.manifestDigest))?.id).toBe(image.id)
  })

  test('as bootc does it, what is kept for a deployment gets its tag back', async () => {
    const store = storeOf({ tagStyle: 'bootc' })
    const { image } = await importBuilt(store, osImage('1'))
    const { manifestDigest } = image
    {
      await using transaction = await repo.begin()
      setTag(transaction, bootcTag(manifestDigest), undefined)
      await transaction.commit()
    }
    await store.prune(new Set([manifestDigest]))
    expect(await tags()).toEqual([bootcTag(manifestDigest)])
  })

  test('a tag that leads nowhere goes with the next prune', async () => {
    const { image } = await importBuilt(storeOf(), osImage('1'))
    await dir.symlink(`../../${manifestStream(`sha256:${'0'.repeat(64)}`)}`, 'streams/refs/oci/gone')
    await storeOf().prune(new Set([image.manifestDigest]))
    expect(await tags()).toEqual(['docker://registry.test/os:stable'])
  })
})

describe('what is remembered beside the repository', () => {
  test('notes of an image go with it', async () => {
    const store = storeOf({ tagStyle: 'bootc' })
    const { image } = await importBuilt(store, osImage('1'))
    const { manifestDigest, manifest, config } = osImage('2')
    await store.setCachedUpdate(image, { manifestDigest, manifest, config })
    const notes = async () => [...(await listing(dir)).keys()].filter((path) => path.startsWith('bootc-sdk/'))
    expect((await notes()).length).toBe(2)
    await store.prune(new Set())
    expect(await notes()).toEqual([])
  })

  test('a damaged note is none', async () => {
    const store = storeOf({ tagStyle: 'bootc' })
    const { image } = await importBuilt(store, osImage('1'))
    for (const path of (await listing(dir)).keys()) {
      if (path.startsWith('bootc-sdk/')) await dir.write(path, Buffer.from('{"reference":'))
    }
    expect(await store.lookup(stable)).toBeUndefined()
    expect((await store.get(image.manifestDigest))?.id).toBe(image.id)
    expect((await importBuilt(store, osImage('1'))).fetched).toEqual([])
    expect((await store.lookup(stable))?.id).toBe(image.id)
  })
})

describe('images of the root', () => {
  test('the image to be booted is made once, and the config links it', async () => {
    const store = storeOf()
    const { image } = await importBuilt(store, osImage('1'))
    const id = await store.bootImage(image)
    expect((await links(image.configDigest)).get(bootImageRef(1))).toBe(id)
    const before = await listing(dir)
    expect(await store.bootImage(image)).toBe(id)
    expect(await listing(dir)).toEqual(before)
    await store.prune(new Set([image.manifestDigest]))
    expect(await repo.hasImage(id)).toBe(true)
    expect((await store.fsck!()).problems).toEqual([])
  })

  test('with bootable it is made by the import, in one go', async () => {
    const { image } = await importBuilt(storeOf({ bootable: true }), osImage('1'))
    expect(
      [...(await links(image.configDigest)).keys()].filter((key) => key.startsWith('composefs')),
    ).toEqual([imageRef(1), bootImageRef(1)].sort())
    const freed = await repo.gc()
    expect(freed.objects).toBe(0)
  })

  test('with auto only what can boot has one', async () => {
    const store = storeOf({ bootable: 'auto' })
    const { image } = await importBuilt(store, osImage('1'))
    expect((await links(image.configDigest)).has(bootImageRef(1))).toBe(true)
    const built = buildImage({ layers: [{ entries: [...dirs('usr', 'boot', 'sysroot')] }] })
    await importBuilt(store, built, { target: other })
    expect((await links(built.configDigest)).has(bootImageRef(1))).toBe(false)
    const without = buildImage({ layers: [{ entries: [...dirs('usr')] }] })
    expect(await codeOf(importBuilt(storeOf({ bootable: true }), without))).toBe(
      'STORE_COMPOSEFS_NOT_BOOTABLE',
    )
    expect(await storeOf().get(without.manifestDigest)).toBeUndefined()
  })

  test('a seal of another format or attribute mode is found, and its image made', async () => {
    const store = storeOf()
    const { image } = await importBuilt(store, osImage('1'))
    const tree = await treeFromLayers(repo, image.config.rootfs.diff_ids)
    const sealed = await bootTransform(
      ociTransform(tree, { xattrs: 'keep-user-xattrs' }),
      repoFileReader(repo),
    )
    const expected = imageIdOf(sealed, 'sha256', 2)
    const before = await listing(dir)
    expect(await store.findBootImage(image, 'a'.repeat(64))).toBeUndefined()
    expect(await listing(dir)).toEqual(before)
    expect(await store.findBootImage(image, expected)).toBe(expected)
    expect((await links(image.configDigest)).get(bootImageRef(2, 'keep-user-xattrs'))).toBe(expected)
    await store.prune(new Set([image.manifestDigest]))
    expect(await repo.hasImage(expected)).toBe(true)
    expect(await store.findBootImage(image, expected)).toBe(expected)
  })

  test('an image of version 0 can be had, stays with its image and goes with it', async () => {
    const store = storeOf()
    const { image } = await importBuilt(store, osImage('1'))
    const tree = ociTransform(await treeFromLayers(repo, image.config.rootfs.diff_ids))
    const id = await store.imageOfVersion(image, 0)
    expect(id).toBe(imageIdOf(tree, 'sha256', 0))
    await repo.gc()
    await store.prune(new Set([image.manifestDigest]))
    expect(await repo.hasImage(id)).toBe(true)
    expect(await store.imageOfVersion(image, 1)).toBe(image.id)
    await store.prune(new Set())
    expect(await repo.hasImage(id)).toBe(false)
  })

  test('where the real tools differ, images are those of composefs-rs', async () => {
    const stub = { name: 'ab', type: 'char', mode: 0o644 } as const
    const built = buildImage({ layers: [{ entries: [...dirs('usr'), stub] }] })
    const { image } = await importBuilt(storeOf(), built)
    const tree = ociTransform(await treeFromLayers(repo, image.config.rootfs.diff_ids))
    expect(image.id).toBe(imageIdOf(tree, 'sha256', 1))
    const fromC = writeErofs(tree, { version: 1, algorithm: 'sha256', flavor: 'c' })
    expect(image.id).not.toBe(digestOf(fromC, 'sha256'))
  })

  test('a repository that asks for further versions gets them with every import', async () => {
    const text = (await readText(dir, 'meta.json'))!.replace(
      '"default": 1',
      '"default": 1,\n    "extra": [2]',
    )
    await dir.write('meta.json', Buffer.from(text))
    await using both = await openComposefsRepo(dir)
    const { image } = await importBuilt(composefsImageStore(both, { bootable: true }), osImage('1'))
    const names = [...(await links(image.configDigest)).keys()].filter((key) => key.startsWith('composefs'))
    expect(names.sort()).toEqual([imageRef(2), imageRef(1), bootImageRef(2), bootImageRef(1)].sort())
  })

  test('images of a config that two manifests share outlive either of them', async () => {
    const store = storeOf()
    const first = osImage('1')
    const second = osImage('1', { annotations: { note: 'the same in another manifest' } })
    expect(second.configDigest).toBe(first.configDigest)
    const { image: one } = await importBuilt(store, first)
    const { image: two } = await importBuilt(store, second, { target: other })
    const boot = await store.bootImage(two)
    await store.prune(new Set([one.manifestDigest]))
    expect(await repo.hasImage(boot)).toBe(true)
    expect(await store.bootImage(one)).toBe(boot)
    expect(await readText(await store.open(one), 'usr/share/small')).toBe('1')
    expect((await store.fsck!()).problems).toEqual([])
  })

  test('an old image without one is opened by its layers, and gets one with the next pull', async () => {
    const store = storeOf()
    const built = osImage('1')
    const { image } = await importBuilt(store, built)
    await dir.remove(`images/${image.id}`)
    await repo.gc()
    expect(
      await readText(await store.open((await store.get(image.manifestDigest))!), 'usr/share/small'),
    ).toBe('1')
    await importBuilt(store, built)
    expect(await repo.hasImage(image.id)).toBe(true)
  })
})

describe('damage', () => {
  test('a damaged manifest counts as absent, and a pull mends it', async () => {
    const store = storeOf()
    const built = osImage('1')
    const { image } = await importBuilt(store, built)
    const stream = await repo.openStream((await repo.stream(manifestStream(built.manifestDigest)))!)
    const path = `objects/${stream.objectRefs[0]!.slice(0, 2)}/${stream.objectRefs[0]!.slice(2)}`
    await dir.write(path, Buffer.from('{}'))
    expect(await store.get(built.manifestDigest)).toBeUndefined()
    expect(await store.lookup(stable)).toBeUndefined()
    expect((await importBuilt(store, built)).fetched).toEqual([])
    expect((await store.lookup(stable))?.id).toBe(image.id)
    expect((await store.fsck!()).problems).toEqual([])
  })

  test('content of another digest is noticed where a whole file is read', async () => {
    const store = storeOf()
    const { image } = await importBuilt(store, osImage('1'))
    const tree = await treeFromLayers(repo, image.config.rootfs.diff_ids)
    const { digest } = tree.root.children!.get('usr')!.children!.get('share')!.children!.get('version')!
    await dir.write(`objects/${digest.slice(0, 2)}/${digest.slice(2)}`, Buffer.alloc(80, 'x'))
    const opened = await store.open(image)
    expect(await codeOf(readText(opened, 'usr/share/version'))).toBe('STORE_COMPOSEFS_CORRUPT')
  })

  test('a layer is present only when its splitstream is there', async () => {
    const store = storeOf()
    const built = osImage('1')
    const { image } = await importBuilt(store, built)
    const { id } = image.layers[1]!
    await dir.remove(`objects/${id.slice(0, 2)}/${id.slice(2)}`)
    const again = await importBuilt(store, built)
    expect(again.fetched).toEqual([1])
    expect((await store.fsck!()).problems).toEqual([])
  })
})

test('layers and documents come back for another store', async () => {
  const store = storeOf()
  const built = osImage('1')
  const { image } = await importBuilt(store, built)
  const documents = (await store.documents(image))!
  expect(Buffer.from(documents.manifestBytes).equals(built.manifestBytes)).toBe(true)
  expect(Buffer.from(documents.configBytes).equals(built.configBytes)).toBe(true)
  expect(documents.manifestMediaType).toBe(mediaTypes.ociManifest)
  for (const [index, { tar }] of built.layers.entries()) {
    const chunks: Uint8Array[] = []
    for await (const chunk of store.readLayer(image, index)) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(tar)).toBe(true)
  }
  expect(tarOf(built, 0)).toBeDefined()
})
