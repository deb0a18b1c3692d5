import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CopyEvent, ImageReference, TransportName } from '../../src/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { dockerArchive } from '../../src/testing/docker-archive.js'
import type { BuiltImage } from '../../src/testing/image-builder.js'
import { memoryTransport } from '../../src/testing/memory-transport.js'
import {
  copyImage,
  dirDestination,
  dirTransport,
  dockerArchiveTransport,
  ociDestination,
  ociTransport,
  registryTransport,
} from '../../src/transports/index.js'
import { startRegistry } from './docker-registry.js'
import type { DockerRegistry } from './docker-registry.js'

const image = bootableImage({ version: 1 })
const next = bootableImage({ version: 2 })
const missing = ['skopeo', 'docker-registry'].filter((tool) => spawnSync(tool, ['--version']).error)
if (missing.length > 0 && process.env['CI']) throw new Error(`not installed: ${missing.join(', ')}`)

let dir: string
let registry: DockerRegistry
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'copy-'))
  if (missing.length === 0) registry = await startRegistry(dir, 'closed', true)
})
afterAll(async () => {
  await registry?.stop()
  await rm(dir, { recursive: true, force: true })
})

const reference = (transport: TransportName, name: string): ImageReference => ({ transport, name })
const credentials = () => ({ username: 'me', password: 's3cret' })
const memory = (built: BuiltImage) => ({
  transport: memoryTransport({ it: built }),
  reference: reference('registry', 'it'),
})

describe('into a layout', () => {
  const target = (name: string) => ({
    destination: ociDestination(),
    reference: reference('oci', `${dir}/${name}`),
  })

  test('bytes and digests stay, tags live side by side, and what is there is not copied again', async () => {
    const events: CopyEvent[] = []
    const onProgress = (event: CopyEvent) => void events.push(event)
    const first = await copyImage({ source: memory(image), target: target('layout:one'), onProgress })
    expect(first).toMatchObject({ manifestDigest: image.manifestDigest, skippedBytes: 0 })
    const second = await copyImage({ source: memory(next), target: target('layout:two') })
    expect(second.skippedBytes).toBeGreaterThan(0)
    const again = await copyImage({ source: memory(image), target: target('layout:one') })
    expect(again.copiedBytes).toBe(0)
    for (const [tag, built] of Object.entries({ one: image, two: next })) {
      const resolved = await ociTransport().resolve(reference('oci', `${dir}/layout:${tag}`))
      expect(resolved.manifestDigest).toBe(built.manifestDigest)
    }
    for (const { descriptor } of image.layers) {
      const last = events
        .filter((event) => event.type === 'copy:blob' && event.detail.id === descriptor.digest)
        .at(-1)
      expect(last?.detail).toMatchObject({ bytes: descriptor.size, totalBytes: descriptor.size })
    }
  })

  test('a source that lies leaves no image and no blob', async () => {
    const layer = image.layers[0]!.descriptor
    const source = memory(image)
    const lying = {
      ...source.transport,
      openLayer: () => ({
        async *[Symbol.asyncIterator]() {
          yield Buffer.alloc(layer.size, 7)
        },
      }),
    }
    const copying = copyImage({ source: { ...source, transport: lying }, target: target('lies:x') })
    await expect(copying).rejects.toMatchObject({
      code: expect.stringMatching(/^IMAGE_(DIGEST|SIZE)_MISMATCH$/) as string,
    })
    expect(await readdir(join(dir, 'lies'))).toEqual(['blobs'])
    const blobs = await readdir(join(dir, 'lies/blobs/sha256'))
    expect(blobs.every((name) => image.blobs.has(`sha256:${name}`))).toBe(true)
  })

  test('layers of a source that does not keep blobs are compressed, and the image imports', async () => {
    const file = join(dir, 'saved.tar')
    await writeFile(file, dockerArchive({ images: { 'localhost/a:1': image } }))
    const { manifestDigest } = await copyImage({
      source: { transport: dockerArchiveTransport(), reference: reference('docker-archive', file) },
      target: target('from-archive'),
    })
    const resolved = await ociTransport().resolve(reference('oci', `${dir}/from-archive`))
    expect(resolved).toMatchObject({ manifestDigest, configDigest: image.configDigest })
    expect(resolved.manifest.layers[0]!.mediaType).toMatch(/gzip$/)
  })

  test('a layer of such a source that is not what the config says is refused', async () => {
    const [first, ...others] = image.layers
    const lying = { ...image, layers: [{ ...first!, tar: Buffer.alloc(10_240) }, ...others] }
    const file = join(dir, 'lying.tar')
    await writeFile(file, dockerArchive({ images: { 'localhost/a:1': lying } }))
    const copying = copyImage({
      source: { transport: dockerArchiveTransport(), reference: reference('docker-archive', file) },
      target: target('from-liar'),
    })
    await expect(copying).rejects.toMatchObject({ code: 'IMAGE_DIFFID_MISMATCH' })
    await expect(ociTransport().resolve(reference('oci', `${dir}/from-liar`))).rejects.toThrow()
  })

  test('a position or a broken index is refused, and the index stays', async () => {
    await expect(copyImage({ source: memory(image), target: target('layout:@1') })).rejects.toMatchObject({
      code: 'IMAGE_LAYOUT_INVALID',
    })
    await copyImage({ source: memory(image), target: target('broken:x') })
    await writeFile(join(dir, 'broken/index.json'), 'nonsense')
    await expect(copyImage({ source: memory(next), target: target('broken:y') })).rejects.toThrow()
    expect(await readFile(join(dir, 'broken/index.json'), 'utf8')).toBe('nonsense')
  })
})

test('dir: is what the dir transport reads', async () => {
  const target = { destination: dirDestination(), reference: reference('dir', join(dir, 'flat')) }
  await copyImage({ source: memory(image), target })
  expect((await dirTransport().resolve(target.reference)).manifestDigest).toBe(image.manifestDigest)
})

describe.skipIf(missing.length > 0)(`docker-registry ${missing.join()}`, () => {
  const name = (path: string) => reference('registry', `${registry.host}/${path}`)

  test('an image is pushed with credentials, and pulled by skopeo as it was', async () => {
    const transport = registryTransport({ credentials })
    const target = { destination: transport.destination, reference: name('ns/app:v1') }
    const { copiedBytes } = await copyImage({ source: memory(image), target })
    expect(copiedBytes).toBeGreaterThan(0)
    const argv = [
      'inspect',
      '--raw',
      '--tls-verify=false',
      '--creds',
      'me:s3cret',
      `docker://${registry.host}/ns/app:v1`,
    ]
    expect(execFileSync('skopeo', argv).equals(image.manifestBytes)).toBe(true)
    expect((await copyImage({ source: memory(image), target })).copiedBytes).toBe(0)
    await transport.close()
  })

  test('blobs are mounted from another repository of the registry', async () => {
    const transport = registryTransport({ credentials })
    const result = await copyImage({
      source: { transport, reference: name('ns/app:v1') },
      target: { destination: transport.destination, reference: name('promoted/app:stable') },
    })
    expect(result).toMatchObject({ copiedBytes: 0, manifestDigest: image.manifestDigest })
    const pulled = await transport.resolve(name('promoted/app:stable'))
    expect(pulled.manifestDigest).toBe(image.manifestDigest)
    await transport.close()
  })

  test('without credentials nothing is pushed', async () => {
    const transport = registryTransport()
    const target = { destination: transport.destination, reference: name('ns/other:v1') }
    await expect(copyImage({ source: memory(image), target })).rejects.toMatchObject({
      code: 'TRANSPORT_UNAUTHORIZED',
    })
    await transport.close()
  })

  test('bytes that lie are refused, and no name points at them', async () => {
    const transport = registryTransport({ credentials })
    const source = memory(next)
    const lying = {
      ...source.transport,
      openLayer: (...[, layer]: Parameters<typeof source.transport.openLayer>) => ({
        async *[Symbol.asyncIterator]() {
          yield Buffer.alloc(layer.size, 7)
        },
      }),
    }
    const target = { destination: transport.destination, reference: name('ns/lies:v1') }
    await expect(copyImage({ source: { ...source, transport: lying }, target })).rejects.toMatchObject({
      code: 'IMAGE_DIGEST_MISMATCH',
    })
    await expect(transport.resolve(name('ns/lies:v1'))).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' })
    await transport.close()
  })
})
