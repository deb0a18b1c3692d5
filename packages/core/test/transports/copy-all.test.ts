import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { ImageReference } from '../../src/index.js'
import { mediaTypes, sha256Digest } from '../../src/oci/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { buildImage, buildIndex } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import {
  copyImage,
  dirDestination,
  dirTransport,
  ociDestination,
  ociTransport,
  registryTransport,
} from '../../src/transports/index.js'
import { startRegistry } from './docker-registry.js'
import type { DockerRegistry } from './docker-registry.js'

const missing = ['skopeo', 'docker-registry'].filter((tool) => spawnSync(tool, ['--version']).error)
if (missing.length > 0 && process.env['CI']) throw new Error(`not installed: ${missing.join(', ')}`)

const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
const images = ['arm64', 's390x'].map((architecture) =>
  buildImage({ architecture, layers: [{ entries: [file('a', architecture)] }] }),
)
const index = buildIndex(images)

let dir: string
let registry: DockerRegistry
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'copy-all-'))
  if (missing.length === 0) registry = await startRegistry(dir, 'plain')
})
afterAll(async () => {
  await registry?.stop()
  await rm(dir, { recursive: true, force: true })
})

const transportOf = () => {
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  return transport
}
const layout = (name: string): ImageReference => ({ transport: 'oci', name: `${dir}/${name}` })
const digestsIn = async (reference: ImageReference) =>
  Promise.all(
    ['arm64', 's390x'].map(async (architecture) => {
      const resolved = await ociTransport().resolve(reference, platform(architecture))
      expect(resolved.index?.digest).toBe(index.digest)
      return resolved.manifestDigest
    }),
  )

test('an index goes with the images of all platforms, wherever it comes from', async () => {
  await using server = await serveRegistry({ 'ns/os:all': index })
  const source = { transport: transportOf(), reference: server.reference('ns/os', 'all') }
  const checked: string[] = []
  const first = await copyImage({
    source,
    target: { destination: ociDestination(), reference: layout('one:all') },
    instances: 'all',
    check: async (image) => void checked.push(image.index!.digest),
  })
  // Nothing of this machine's platform is in there, which is no matter.
  expect(first).toMatchObject({ manifestDigest: index.digest, manifests: 3, skippedBytes: 0 })
  expect(checked).toEqual([index.digest])
  expect(await digestsIn(layout('one:all'))).toEqual(images.map((image) => image.manifestDigest))
  const flat: ImageReference = { transport: 'dir', name: join(dir, 'flat') }
  await copyImage({
    source: { transport: ociTransport(), reference: layout('one:all') },
    target: { destination: dirDestination(), reference: flat },
    instances: 'all',
  })
  const back = await copyImage({
    source: { transport: dirTransport(), reference: flat },
    target: { destination: ociDestination(), reference: layout('two:all') },
    instances: 'all',
  })
  expect(back.manifestDigest).toBe(index.digest)
  expect(await digestsIn(layout('two:all'))).toEqual(images.map((image) => image.manifestDigest))
})

test('what is refused is not copied, and what lies neither', async () => {
  await using server = await serveRegistry({ 'ns/os:all': index })
  const source = { transport: transportOf(), reference: server.reference('ns/os', 'all') }
  const target = { destination: ociDestination(), reference: layout('refused:x') }
  const check = () => Promise.reject(new Error('no'))
  await expect(copyImage({ source, target, instances: 'all', check })).rejects.toThrow('no')
  expect(server.log.some(({ path }) => path.includes(images[0]!.layers[0]!.descriptor.digest))).toBe(false)
  server.fail(images[1]!.manifestDigest, { body: Buffer.from('{}') })
  await expect(copyImage({ source, target, instances: 'all' })).rejects.toMatchObject({
    code: expect.stringMatching(/^IMAGE_(DIGEST|SIZE)_MISMATCH$/) as string,
  })
  await expect(ociTransport().resolve(target.reference)).rejects.toThrow()
})

test('a config that says it is larger than any is not fetched', async () => {
  const huge = buildImage({
    layers: [{ entries: [file('a', 'b')] }],
    manifest: (manifest) => ({ ...manifest, config: { ...manifest.config, size: 1e12 } }),
  })
  await using server = await serveRegistry({ 'ns/os:huge': huge })
  const source = { transport: transportOf(), reference: server.reference('ns/os', 'huge') }
  const target = { destination: ociDestination(), reference: layout('huge:x') }
  await expect(copyImage({ source, target, instances: 'all' })).rejects.toMatchObject({
    code: 'IMAGE_TOO_LARGE',
  })
  expect(server.log.filter(({ path }) => path.includes('/blobs/'))).toEqual([])
})

test('an image of one platform is no index', async () => {
  const image = bootableImage({ version: 1 })
  await image.writeOciLayout(join(dir, 'single'), '1')
  const source = { transport: ociTransport(), reference: layout('single:1') }
  const target = { destination: ociDestination(), reference: layout('single-copy:1') }
  await expect(copyImage({ source, target, instances: 'index-only' })).rejects.toMatchObject({
    code: 'TRANSPORT_UNSUPPORTED',
  })
  const all = await copyImage({ source, target, instances: 'all' })
  expect(all).toMatchObject({ manifestDigest: image.manifestDigest, manifests: 1 })
  await expect(copyImage({ source, target, referrers: true })).rejects.toMatchObject({
    code: 'TRANSPORT_UNSUPPORTED',
  })
})

describe.skipIf(missing.length > 0)(`docker-registry ${missing.join()}`, () => {
  const at = (path: string): ImageReference => ({ transport: 'registry', name: `${registry.host}/${path}` })
  const inspect = (path: string) =>
    execFileSync('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${registry.host}/${path}`])

  test('skopeo reads an index that was pushed with all its images', async () => {
    await using server = await serveRegistry({ 'ns/os:all': index })
    const transport = transportOf()
    await copyImage({
      source: { transport, reference: server.reference('ns/os', 'all') },
      target: { destination: ociDestination(), reference: layout('all:x') },
      instances: 'all',
    })
    const source = { transport: ociTransport(), reference: layout('all:x') }
    const target = { destination: transport.destination, reference: at('ns/all:x') }
    await copyImage({ source, target, instances: 'all' })
    expect(inspect('ns/all:x').equals(index.bytes)).toBe(true)
    execFileSync('skopeo', [
      ...['copy', '--all', '--src-tls-verify=false', `docker://${registry.host}/ns/all:x`],
      `dir:${join(dir, 'by-skopeo')}`,
    ])
    const alone = { ...target, reference: at('ns/all:again') }
    const only = await copyImage({ source, target: alone, instances: 'index-only' })
    expect(only).toMatchObject({ copiedBytes: 0, skippedBytes: 0, manifests: 1 })
    expect(inspect('ns/all:again').equals(index.bytes)).toBe(true)
  })

  test('referrers and signatures under tags go along, and are found at the target', async () => {
    const image = bootableImage({ version: 1 })
    const transport = transportOf()
    await image.writeOciLayout(join(dir, 'signed'), '1')
    const from = at('src/os:1')
    const { destination } = transport
    await copyImage({
      source: { transport: ociTransport(), reference: layout('signed:1') },
      target: { destination, reference: from },
    })
    const push = async (reference: ImageReference, text: string, extra: object, byDigest: boolean) => {
      const data = Buffer.from(text)
      const blob = { mediaType: 'text/plain', digest: sha256Digest(data), size: data.length }
      async function* once() {
        yield data
      }
      await destination.putBlob(reference, blob, once())
      const mediaType = mediaTypes.ociManifest
      const bytes = Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType, config: blob, layers: [blob], ...extra }),
      )
      const digest = sha256Digest(bytes)
      await destination.putManifest(reference, { bytes, digest, mediaType }, { byDigest })
      return { mediaType, digest, size: bytes.length }
    }
    const subject = {
      mediaType: image.manifestMediaType,
      digest: image.manifestDigest,
      size: image.manifestBytes.length,
    }
    const sbom = await push(from, 'sbom', { artifactType: 'example/sbom', subject }, true)
    const about = await push(from, 'about', { artifactType: 'example/about', subject: sbom }, true)
    const sigTag = `${image.manifestDigest.replace(':', '-')}.sig`
    const signature = await push(at(`src/os:${sigTag}`), 'signature', {}, false)

    const target = { destination, reference: at('dst/os:1') }
    const result = await copyImage({ source: { transport, reference: from }, target, referrers: true })
    expect(result).toMatchObject({ manifestDigest: image.manifestDigest, manifests: 1, referrers: 3 })
    const raw = await transport.openRaw!(target.reference)
    expect(await raw.referrers!(image.manifestDigest)).toMatchObject([
      { digest: sbom.digest, artifactType: 'example/sbom' },
    ])
    expect(await raw.referrers!(sbom.digest)).toMatchObject([{ digest: about.digest }])
    expect((await raw.tagged!(sigTag))?.digest).toBe(signature.digest)
    expect(await transport.tags(target.reference)).toContain('1')
    // Once more changes nothing.
    await copyImage({ source: { transport, reference: from }, target, referrers: true })
    expect(await raw.referrers!(image.manifestDigest)).toHaveLength(1)
  })
})
