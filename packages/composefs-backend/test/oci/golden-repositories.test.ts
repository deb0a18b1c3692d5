import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import { gunzipSync } from 'node:zlib'
import type { Dir } from '@bootc-sdk/core'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { objectPath } from '../../src/format/types.js'
import { composefsImageStore } from '../../src/oci/index.js'
import { manifestStream } from '../../src/oci/names.js'
import { fsckImages } from '../../src/oci/fsck.js'
import { listTags, setTag } from '../../src/oci/tags.js'
import { initComposefsRepo, openComposefsRepo } from '../../src/repo/index.js'
import { bootableImages, goldenOci, repositories, rootImages } from '../tree/golden-images.js'
import { listing } from './built.js'
import { codecs, importLayout, layoutImage, unpackInto } from './layouts.js'

const inspect = (
  repo: string,
  image: string,
): { composefs_erofs: string; composefs_boot_erofs?: string | null } =>
  JSON.parse(readFileSync(new URL(`out/${repo}/${image}.inspect.json`, goldenOci), 'utf8')) as never

const temporary: string[] = []
afterAll(async () => {
  for (const path of temporary) await rm(path, { recursive: true, force: true })
})

const places: Readonly<Record<string, () => Promise<Dir>>> = {
  memory: () => Promise.resolve(memoryDir()),
  'a directory': async () => {
    const path = await mkdtemp(join(tmpdir(), 'composefs-oci-'))
    temporary.push(path)
    return nodeDir(path)
  },
}

/** Pull all layouts as the golden repositories were made, and give them the same names. */
async function pullAll(dir: Dir, name: string, codec = codecs[0]): Promise<Map<string, [string, string?]>> {
  const { algorithm, version } = repositories.find((each) => each.name === name)!
  await using repo = await initComposefsRepo(dir, { algorithm, erofsVersion: version, requireVerity: false })
  const ids = new Map<string, [string, string?]>()
  for (const layout of rootImages) {
    const store = composefsImageStore(repo, { bootable: bootableImages.includes(layout) })
    const { image } = await importLayout(store, layout, { unnamed: true, ...(codec && { codec }) })
    await using transaction = await repo.begin()
    setTag(transaction, `${layout}:v1`, image.manifestDigest)
    await transaction.commit()
    ids.set(layout, bootableImages.includes(layout) ? [image.id, await store.bootImage(image)] : [image.id])
  }
  return ids
}

/** The golden repository without the artifact in it, which a store of images has not. */
async function goldenRepository(name: string): Promise<Dir> {
  const dir = memoryDir()
  await unpackInto(dir, gunzipSync(await readFile(new URL(`repos/${name}.tar.gz`, goldenOci))), `${name}/`)
  await using repo = await openComposefsRepo(dir)
  {
    await using transaction = await repo.begin()
    setTag(transaction, 'artifact:v1', undefined)
    await transaction.commit()
  }
  await repo.gc()
  return dir
}

/**
 * A listing with what splitstreams say in place of their objects, whose names depend on the compressor.
 */
async function meaning(dir: Dir): Promise<Map<string, string>> {
  const found = await listing(dir)
  await using repo = await openComposefsRepo(dir)
  const names = new Map<string, string>()
  for await (const { contentId, id } of repo.listStreams()) names.set(id, contentId)
  for (const [id, name] of names) {
    const stream = await repo.openStream(id)
    const hash = createHash('sha256')
    for await (const chunk of stream.read()) hash.update(chunk)
    const links = [...stream.namedRefs].map(([key, to]) => `${key}=${names.get(to) ?? to}`).sort()
    found.set(
      `streams/${name}`,
      JSON.stringify([String(stream.contentType), hash.digest('hex'), stream.objectRefs, links]),
    )
    found.delete(`objects/${objectPath(id)}`)
  }
  return found
}

/** In a directory, with an addon or a newer Node, streams are compressed as composefs-rs does. */
const sameCompressor = (dir: Dir): boolean =>
  'createZstdCompress' in zlib || (dir.hostPath !== undefined && getNative() !== undefined)

/** The order of layers in the manifest stream of several is random in composefs-rs. */
function withoutManifest(found: Map<string, string>, manifest: string): Record<string, string> {
  const target = found.get(`streams/${manifest}`)!.replace('-> ../', '')
  found.set(`streams/${manifest}`, found.get(target)!)
  found.delete(target)
  return Object.fromEntries(found)
}

describe.each(repositories)('the golden repository $name', ({ name, version }) => {
  test.each(Object.keys(places))(
    'pulling the same images gives the same repository, in %s',
    async (place) => {
      const theirs = await goldenRepository(name)
      for (const codec of codecs) {
        const ours = await places[place]!()
        await pullAll(ours, name, codec)
        expect(Object.fromEntries(await meaning(ours))).toEqual(Object.fromEntries(await meaning(theirs)))
        if (!sameCompressor(ours)) continue
        const several = manifestStream(layoutImage('whiteouts').manifestDigest)
        expect(withoutManifest(await listing(ours), several)).toEqual(
          withoutManifest(await listing(theirs), several),
        )
      }
    },
  )

  test('ids are those of cfsctl', async () => {
    const ids = await pullAll(memoryDir(), name)
    for (const layout of rootImages) {
      const { composefs_erofs, composefs_boot_erofs } = inspect(name, layout)
      expect([layout, ...ids.get(layout)!]).toEqual([
        layout,
        composefs_erofs,
        ...(typeof composefs_boot_erofs === 'string' ? [composefs_boot_erofs] : []),
      ])
    }
  })

  test('the repository of cfsctl is read: images, trees, layers; a pull finds everything', async () => {
    const dir = await goldenRepository(name)
    const before = await listing(dir)
    await using repo = await openComposefsRepo(dir)
    const store = composefsImageStore(repo)
    const images = new Map<string, string>()
    for await (const image of store.list()) images.set(image.manifestDigest, image.id)
    expect([...images].sort()).toEqual(
      rootImages
        .map((each) => [layoutImage(each).manifestDigest, inspect(name, each).composefs_erofs])
        .sort(),
    )
    for (const layout of rootImages) {
      const image = (await store.get(layoutImage(layout).manifestDigest))!
      expect(image.layers.every(({ id }) => id !== '')).toBe(true)
      await using session = await store.begin(layoutImage(layout))
      expect(session.layers.every(({ present }) => present)).toBe(true)
      for (const i of image.layers.keys()) for await (const _ of store.readLayer(image, i));
      if (bootableImages.includes(layout)) {
        expect(await store.bootImage(image)).toBe(inspect(name, layout).composefs_boot_erofs)
      }
    }
    expect((await store.fsck!()).problems).toEqual([])
    expect(await listing(dir)).toEqual(before)
    expect(repo.meta.erofsVersion).toBe(version)
  })

  test('an artifact in the repository is no image, passes the check, and is not pruned', async () => {
    const dir = memoryDir()
    await unpackInto(dir, gunzipSync(await readFile(new URL(`repos/${name}.tar.gz`, goldenOci))), `${name}/`)
    await using repo = await openComposefsRepo(dir)
    const store = composefsImageStore(repo)
    await store.prune(new Set())
    for await (const { manifestDigest } of store.list()) expect(manifestDigest).toBe('none')
    const names: string[] = []
    for await (const tag of listTags(repo)) names.push(tag.name)
    expect(names).toEqual(['artifact:v1'])
    expect((await fsckImages(repo)).images).toEqual({ checked: 1, bad: 0, problems: [] })
    for await (const { contentId } of repo.listStreams()) {
      if (!contentId.startsWith('oci-layer-')) continue
      const id = (await repo.stream(contentId))!
      await dir.remove(`objects/${objectPath(id)}`)
    }
    const kinds = (await fsckImages(repo)).images.problems.map(({ kind }) => kind)
    expect(new Set(kinds)).toEqual(new Set(['artifact-layer-object-missing']))
  })

  test('a pull into the repository of cfsctl adds a name and nothing else', async () => {
    const dir = await goldenRepository(name)
    const before = await listing(dir)
    await using repo = await openComposefsRepo(dir)
    const { fetched } = await importLayout(composefsImageStore(repo), 'bootable')
    expect(fetched).toEqual([])
    const after = await listing(dir)
    for (const key of before.keys()) after.delete(key)
    expect([...after.keys()]).toEqual(['streams/refs/oci/oci:bootable:v1'])
  })
})
