import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultCodec } from '../../src/codec/index.js'
import { packTar } from '../../src/tar/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { dockerArchive } from '../../src/testing/docker-archive.js'
import { dockerArchiveTransport, dockerDaemonTransport } from '../../src/transports/index.js'
import { collect } from './helpers.js'

const image = bootableImage({ version: 1 })
const other = bootableImage({ version: 2 })
const config = { name: 'c.json', data: image.configBytes }
const layers = image.layers.map(({ tar }, index) => ({ name: `${index}.tar`, data: tar }))
const names = layers.map(({ name }) => name)

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'docker-archive-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

let count = 0
async function file(bytes: Uint8Array): Promise<string> {
  const path = join(dir, `${count++}.tar`)
  await writeFile(path, bytes)
  return path
}

async function pull(name: string) {
  const transport = dockerArchiveTransport({ temporaryDir: dir })
  try {
    const resolved = await transport.resolve({ transport: 'docker-archive', name })
    for (const [index, layer] of resolved.manifest.layers.entries()) {
      const diffId = resolved.config.rootfs.diff_ids[index]!
      const expected = { digest: layer.digest, sizeBytes: layer.size, diffId }
      const tar = await collect(defaultCodec().decodeLayer(transport.openLayer(resolved, layer), expected))
      expect(tar.length).toBe(layer.size)
    }
    return resolved
  } finally {
    await transport.close()
  }
}

describe('docker-archive', () => {
  test.each(['plain', 'compressed', 'link'] as const)('%s layers are read', async (how) => {
    const path = await file(dockerArchive({ images: { 'localhost/a:1': image }, layers: how }))
    const { configDigest, manifestMediaType } = await pull(path)
    expect(configDigest).toBe(image.configDigest)
    expect(manifestMediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
  })

  test('a compressed archive is read, and so is a part of a compressed layer', async () => {
    const bytes = dockerArchive({ images: { 'localhost/a:1': image }, layers: 'compressed' })
    const path = await file(gzipSync(bytes))
    await pull(path)
    const transport = dockerArchiveTransport({ temporaryDir: dir })
    const resolved = await transport.resolve({ transport: 'docker-archive', name: path })
    const range = { start: 700, end: 5000 }
    const part = await collect(transport.openLayer(resolved, resolved.manifest.layers[0]!, { range }))
    expect(part.equals(image.layers[0]!.tar.subarray(700, 5000))).toBe(true)
    await transport.close()
  })

  test('an image is found by name, by expanded name, by position, or because it is the only one', async () => {
    const path = await file(dockerArchive({ images: { 'fedora:9': image, 'localhost/b:2': other } }))
    expect((await pull(`${path}:docker.io/library/fedora:9`)).configDigest).toBe(image.configDigest)
    expect((await pull(`${path}:fedora:9`)).configDigest).toBe(image.configDigest)
    expect((await pull(`${path}:@1`)).configDigest).toBe(other.configDigest)
    await expect(pull(path)).rejects.toMatchObject({ code: 'IMAGE_REFERENCE_AMBIGUOUS' })
    await expect(pull(`${path}:fedora:8`)).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' })
    await expect(pull(`${path}:@2`)).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' })
    await expect(pull(`${path}:@x`)).rejects.toMatchObject({ code: 'IMAGE_REFERENCE_INVALID' })
  })

  test.each([
    ['no manifest', [config], 'IMAGE_LAYOUT_INVALID'],
    ['a manifest that is no list', [config, manifest('{}')], 'IMAGE_LAYOUT_INVALID'],
    ['a missing config', [manifest([{ Config: 'x', Layers: [] }])], 'IMAGE_LAYOUT_INVALID'],
    ['a missing layer', [config, manifest([{ Config: 'c.json', Layers: names }])], 'IMAGE_LAYOUT_INVALID'],
    ['too few layers', [config, manifest([{ Config: 'c.json', Layers: [] }])], 'IMAGE_LAYOUT_INVALID'],
    ['a layer that is a link out', [config, ...linksTo('../../etc/passwd')], 'IMAGE_LAYOUT_INVALID'],
    ['a layer that is a link to itself', [config, ...linksTo('0.tar')], 'IMAGE_LAYOUT_INVALID'],
    ['an absolute link', [config, ...linksTo('/etc/passwd')], 'IMAGE_LAYOUT_INVALID'],
  ])('%s is refused', async (_, members, code) => {
    await expect(pull(await file(packTar(members)))).rejects.toMatchObject({ code })
  })

  test('layers in the wrong order fail their digests', async () => {
    const swapped = [config, ...layers, manifest([{ Config: 'c.json', Layers: names.toReversed() }])]
    await expect(pull(await file(packTar(swapped)))).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' })
  })
})

describe('docker-daemon', () => {
  test('a daemon that is not there, and hosts that are no sockets', async () => {
    const reference = { transport: 'docker-daemon', name: 'localhost/a:1' } as const
    const resolve = (host: string) => dockerDaemonTransport({ host, temporaryDir: dir }).resolve(reference)
    await expect(resolve(join(dir, 'none.sock'))).rejects.toMatchObject({ code: 'TRANSPORT_UNREACHABLE' })
    await expect(resolve('tcp://127.0.0.1:1')).rejects.toMatchObject({ code: 'TRANSPORT_CONFIG_INVALID' })
  })
})

const skopeo = spawnSync('skopeo', ['--version']).error === undefined
if (!skopeo && process.env['CI']) throw new Error('not installed: skopeo')

describe.skipIf(!skopeo)('skopeo', () => {
  test('what it writes is read, with the manifest that it tells', async () => {
    await image.writeOciLayout(join(dir, 'made'), 'v1')
    const path = join(dir, 'skopeo.tar')
    const copy = ['--insecure-policy', 'copy', '-q', `oci:${dir}/made:v1`]
    execFileSync('skopeo', [...copy, `docker-archive:${path}:localhost/app:v1`])
    const { manifestBytes } = await pull(`${path}:localhost/app:v1`)
    const raw = execFileSync('skopeo', ['inspect', '--raw', `docker-archive:${path}`])
    expect(Buffer.from(manifestBytes).toString()).toBe(raw.toString())
  })
})

function manifest(items: unknown) {
  return { name: 'manifest.json', data: typeof items === 'string' ? items : JSON.stringify(items) }
}

function linksTo(linkName: string) {
  const links = names.map((name) => ({ name, type: 'symlink' as const, linkName }))
  return [...links, manifest([{ Config: 'c.json', Layers: names }])]
}
