import { createHash } from 'node:crypto'
import type { Dir } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { beforeEach, expect, test } from 'vitest'
import { objectPath, type ObjectId } from '../../src/format/types.js'
import { fsckImages } from '../../src/oci/fsck.js'
import { composefsImageStore } from '../../src/oci/index.js'
import { configRef, configStream, contentTypes, layerStream, manifestStream } from '../../src/oci/names.js'
import { setTag } from '../../src/oci/tags.js'
import { initComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { importBuilt, osImage } from './built.js'

let dir: Dir
let repo: ComposefsRepo
const built = osImage('1')
const diffId = built.layers[0]!.diffId

beforeEach(async () => {
  dir = memoryDir()
  repo = await initComposefsRepo(dir, { algorithm: 'sha256' })
  await importBuilt(composefsImageStore(repo), built)
  return () => repo[Symbol.asyncDispose]()
})

const kinds = async (): Promise<string[]> => (await fsckImages(repo)).images.problems.map(({ kind }) => kind)

async function idOf(stream: string): Promise<ObjectId> {
  return (await repo.stream(stream))!
}

/** A stream of one document under a name. */
async function write(
  name: string,
  contentType: bigint,
  bytes: Uint8Array,
  refs: Iterable<readonly [string, ObjectId]> = [],
): Promise<void> {
  await using transaction = await repo.begin()
  const stream = transaction.splitstream(contentType)
  for (const [key, id] of refs) stream.namedRef(key, id)
  stream.external(await transaction.putObject(bytes), bytes.length)
  transaction.setStream(name, await stream.finish())
  await transaction.commit()
}

async function namedRefs(name: string): Promise<ReadonlyMap<string, ObjectId>> {
  return (await repo.openStream(await idOf(name))).namedRefs
}

const manifestName = manifestStream(built.manifestDigest)
const configName = configStream(built.configDigest)

/** Another config stream, and the manifest that links it. */
async function replaceConfig(bytes: Uint8Array, refs: Iterable<readonly [string, ObjectId]>): Promise<void> {
  await write(configName, contentTypes.config, bytes, refs)
  const links = new Map(await namedRefs(manifestName)).set(
    configRef(built.configDigest),
    await idOf(configName),
  )
  await write(manifestName, contentTypes.manifest, built.manifestBytes, links)
}

test('an image without damage has no problem', async () => {
  const { images } = await fsckImages(repo)
  expect(images).toEqual({ checked: 1, bad: 0, problems: [] })
})

test('names that are none', async () => {
  await dir.symlink(`../../${manifestName}`, 'streams/refs/oci/@sha256:abc')
  await dir.symlink(`../../${configName}`, 'streams/refs/oci/config')
  expect((await kinds()).sort()).toEqual(['invalid-ref-name', 'ref-resolve-failed'])
})

test('a manifest that is missing, of another type, of other bytes, or none', async () => {
  await dir.remove(`streams/${manifestName}`)
  expect(await kinds()).toEqual(['manifest-read-failed'])
  await write(manifestName, contentTypes.blob, built.manifestBytes)
  expect(await kinds()).toEqual(['manifest-read-failed'])
  await write(manifestName, contentTypes.manifest, Buffer.from('{}'))
  expect(await kinds()).toEqual(['manifest-digest-mismatch'])
  const none = Buffer.from('{"schemaVersion":1}')
  const digest = `sha256:${createHash('sha256').update(none).digest('hex')}` as const
  await write(manifestStream(digest), contentTypes.manifest, none)
  await using transaction = await repo.begin()
  setTag(transaction, 'docker://registry.test/os:stable', digest)
  await transaction.commit()
  expect(await kinds()).toEqual(['manifest-parse-failed'])
})

test('a manifest that is named by sha512 is checked like others', async () => {
  const digest = `sha512:${createHash('sha512').update(built.manifestBytes).digest('hex')}` as const
  const refs = await namedRefs(manifestName)
  await write(manifestStream(digest), contentTypes.manifest, built.manifestBytes, refs)
  await using transaction = await repo.begin()
  setTag(transaction, 'docker://registry.test/os:other', digest)
  await transaction.commit()
  expect(await kinds()).toEqual([])
  await write(manifestStream(digest), contentTypes.manifest, Buffer.from('{}'), refs)
  expect(await kinds()).toEqual(['manifest-digest-mismatch'])
})

test('a config that is not linked, cannot be read, or has other bytes', async () => {
  await write(manifestName, contentTypes.manifest, built.manifestBytes)
  expect(await kinds()).toEqual(['config-ref-missing'])
  const link = [configRef(built.configDigest), await idOf(layerStream(diffId))] as const
  await write(manifestName, contentTypes.manifest, built.manifestBytes, [link])
  expect(await kinds()).toEqual(['config-read-failed'])
  await replaceConfig(Buffer.from('{}'), [])
  expect(await kinds()).toEqual(['config-digest-mismatch'])
})

test('layers that are not linked, have no stream, or no object', async () => {
  const refs = new Map(await namedRefs(configName))
  const layer = refs.get(diffId)!
  refs.delete(diffId)
  await replaceConfig(built.configBytes, refs)
  expect(await kinds()).toEqual(['layer-ref-missing'])
  await replaceConfig(built.configBytes, refs.set(diffId, layer))
  await dir.remove(`streams/${layerStream(diffId)}`)
  expect(await kinds()).toEqual(['layer-stream-missing'])
  await dir.remove(`objects/${objectPath(layer)}`)
  expect(await kinds()).toEqual(['layer-stream-missing', 'layer-object-missing'])
})

test('a sealed image that is not there', async () => {
  const sealed = osImage('2', { labels: { 'containers.composefs.fsverity': 'a'.repeat(64) } })
  await importBuilt(composefsImageStore(repo), sealed)
  expect(await kinds()).toEqual(['seal-image-missing'])
})

test('the problems of images are among those of the store', async () => {
  await dir.remove(`streams/${layerStream(diffId)}`)
  const { problems } = await composefsImageStore(repo).fsck!()
  expect(problems.map(({ object }) => object)).toContain('docker://registry.test/os:stable')
})
