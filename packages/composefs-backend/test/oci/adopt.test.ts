import type { Dir, ReadTree } from '@bootc-sdk/core'
import { memoryDir, readText } from '@bootc-sdk/core/testing'
import { beforeEach, describe, expect, test } from 'vitest'
import { fsckImages } from '../../src/oci/fsck.js'
import { composefsImageStore, type ComposefsImageStore } from '../../src/oci/index.js'
import { configStream, imageRef, layerStream } from '../../src/oci/names.js'
import { setTag } from '../../src/oci/tags.js'
import { initComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { importBuilt, long, osImage, other, resolved, stable } from './built.js'

let repo: ComposefsRepo
let store: ComposefsImageStore

beforeEach(async () => {
  repo = await initComposefsRepo(memoryDir(), { algorithm: 'sha256' })
  store = composefsImageStore(repo, { bootable: 'auto' })
  return () => repo[Symbol.asyncDispose]()
})

/** The root of `osImage`, as another store has unpacked it. */
async function unpacked(): Promise<Dir & ReadTree> {
  const dir = memoryDir()
  for (const path of [
    'boot',
    'sysroot',
    'etc',
    'usr',
    'usr/lib',
    'usr/lib/modules',
    'usr/lib/modules/6.1',
    'usr/share',
  ]) {
    await dir.mkdir(path, { mode: 0o755 })
  }
  await dir.write('usr/lib/modules/6.1/vmlinuz', Buffer.from(long('kernel')))
  await dir.write('usr/lib/modules/6.1/initramfs.img', Buffer.from(long('initramfs')))
  await dir.write('usr/share/version', Buffer.from(long('1')))
  await dir.write('usr/share/small', Buffer.from('1'))
  await dir.link('usr/share/version', 'usr/share/again')
  await dir.symlink('version', 'usr/share/link')
  return dir
}

describe('an image whose root another store has', () => {
  const built = osImage('1')

  test('is found, read, listed and kept, without layers', async () => {
    const image = await store.adopt(resolved(built), await unpacked(), { target: other })
    expect(image.layers.map(({ id }) => id)).toEqual(['', ''])
    for (const found of [await store.get(built.manifestDigest), await store.lookup(other)]) {
      expect(found).toMatchObject({ id: image.id, configDigest: built.configDigest, reference: other })
    }
    expect(await store.lookup(stable)).toBeUndefined()
    const listed = []
    for await (const { manifestDigest } of store.list()) listed.push(manifestDigest)
    expect(listed).toEqual([built.manifestDigest])
    const tree = await store.open(image)
    expect(await readText(tree, 'usr/share/again')).toBe(long('1'))
    expect(await tree.readlink('usr/share/link')).toBe('version')
    expect((await tree.stat('usr/share/again'))?.ino).toBe((await tree.stat('usr/share/version'))?.ino)
  })

  test('is sound to a check although its layers were never here, also with the tag of a deployment', async () => {
    await store.adopt(resolved(built), await unpacked(), { target: other })
    await using transaction = await repo.begin()
    setTag(transaction, `localhost/bootc-${built.manifestDigest}`, built.manifestDigest)
    await transaction.commit()
    const report = await fsckImages(repo)
    expect(report.images).toEqual({ checked: 1, bad: 0, problems: [] })
    expect(report.repository.problems).toEqual([])
  })

  test('survives collections by anybody: its roots are references', async () => {
    const image = await store.adopt(resolved(built), await unpacked())
    await repo.gc()
    expect(await readText(await store.open(image), 'usr/share/version')).toBe(long('1'))
    const boot = await store.bootImage(image)
    await repo.gc()
    expect(await repo.hasImage(boot)).toBe(true)
    expect((await store.fsck!()).problems).toEqual([])
    const documents = await store.documents(image)
    expect(Buffer.from(documents!.manifestBytes).equals(built.manifestBytes)).toBe(true)
  })

  test('goes when it is pruned, with its references and notes', async () => {
    const image = await store.adopt(resolved(built), await unpacked())
    await store.prune(new Set([image.manifestDigest]))
    expect((await store.get(image.manifestDigest))?.id).toBe(image.id)
    expect((await store.prune(new Set())).images).toBe(1)
    expect(await store.get(image.manifestDigest)).toBeUndefined()
    for await (const { name } of repo.listRefs('images')) expect(name).toBe('none')
    for await (const { name } of repo.listRefs('streams')) expect(name).toBe('none')
    expect((await repo.gc()).objects).toBe(0)
  })

  test('can lose its name', async () => {
    const image = await store.adopt(resolved(built), await unpacked())
    expect(await store.remove(stable)).toBe(true)
    expect(await store.lookup(stable)).toBeUndefined()
    expect((await store.prune(new Set())).images).toBe(1)
    expect(await store.get(image.manifestDigest)).toBeUndefined()
  })

  test('takes over the name of an image that was pulled', async () => {
    const { image: pulled } = await importBuilt(store, osImage('2'))
    const image = await store.adopt(resolved(built), await unpacked())
    expect((await store.lookup(stable))?.id).toBe(image.id)
    expect((await store.prune(new Set([image.manifestDigest]))).images).toBe(1)
    expect(await store.get(pulled.manifestDigest)).toBeUndefined()
  })

  test('becomes one like any other when its layers are pulled', async () => {
    const adopted = await store.adopt(resolved(built), await unpacked())
    const { image, fetched } = await importBuilt(store, built)
    expect(fetched).toEqual([0, 1])
    expect(image.layers.every(({ id }) => id !== '')).toBe(true)
    const config = await repo.openStream((await repo.stream(configStream(built.configDigest)))!)
    expect(config.namedRefs.get(imageRef(1))).toBe(image.id)
    await store.prune(new Set([built.manifestDigest]))
    for await (const { name } of repo.listRefs('images')) expect(name).toBe('none')
    expect((await store.lookup(stable))?.id).toBe(image.id)
    expect(adopted.manifestDigest).toBe(image.manifestDigest)
    expect((await store.fsck!()).problems).toEqual([])
  })

  test('is imported instead when its layers are there already', async () => {
    const { image } = await importBuilt(store, built)
    const adopted = await store.adopt(resolved(built), memoryDir(), { target: other })
    expect(adopted.id).toBe(image.id)
    expect((await store.lookup(other))?.id).toBe(image.id)
    expect(await repo.stream(layerStream(built.layers[0]!.diffId))).toBeDefined()
  })

  test('is not there after a failure', async () => {
    const broken = await unpacked()
    const failure = new Error('disk is gone')
    const tree: ReadTree = {
      stat: (path) => broken.stat(path),
      list: (path) => broken.list(path),
      readlink: (path) => broken.readlink(path),
      xattrs: (path) => broken.xattrs(path),
      read(path, range) {
        if (path === 'usr/share/version' || path === 'usr/share/again') throw failure
        return broken.read(path, range)
      },
    }
    await expect(store.adopt(resolved(built), tree)).rejects.toThrow('disk is gone')
    expect(await store.get(built.manifestDigest)).toBeUndefined()
    expect(await store.lookup(stable)).toBeUndefined()
    expect((await repo.gc()).objects).toBe(0)
  })
})
