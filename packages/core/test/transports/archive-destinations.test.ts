import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ImageReference, TransportName } from '../../src/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { buildImage, buildIndex } from '../../src/testing/image-builder.js'
import type { BuiltImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { memoryTransport } from '../../src/testing/memory-transport.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import {
  copyImage,
  dockerArchiveDestination,
  dockerArchiveTransport,
  ociArchiveDestination,
  ociArchiveTransport,
  registryTransport,
} from '../../src/transports/index.js'
import { collect } from './helpers.js'

const isMissing = spawnSync('skopeo', ['--version']).error !== undefined
if (isMissing && process.env['CI']) throw new Error('not installed: skopeo')

const image = bootableImage({ version: 1 })

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'archives-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}
const at = (transport: TransportName, name: string): ImageReference => ({ transport, name })
const memory = (built: BuiltImage) => ({
  transport: memoryTransport({ it: built }),
  reference: at('registry', 'it'),
})

test.each(['oci-archive', 'docker-archive'] as const)(
  '%s: the same image gives the same bytes',
  async (kind) => {
    const dir = await workspace()
    const destination = kind === 'oci-archive' ? ociArchiveDestination() : dockerArchiveDestination()
    for (const name of ['a', 'b']) {
      await copyImage({
        source: memory(image),
        target: { destination, reference: at(kind, `${dir}/${name}.tar:example.test/os:1`) },
        concurrency: name === 'a' ? 1 : 6,
      })
    }
    expect(await readdir(dir)).toEqual(['a.tar', 'b.tar'])
    const [a, b] = await Promise.all(['a.tar', 'b.tar'].map((name) => readFile(join(dir, name))))
    expect(a!.equals(b!)).toBe(true)
  },
)

test('oci-archive: digests stay, and all platforms fit', async () => {
  const dir = await workspace()
  const index = buildIndex([
    image,
    buildImage({ architecture: 's390x', layers: [{ entries: [file('a', 'b')] }] }),
  ])
  await using server = await serveRegistry({ 'ns/os:1': index })
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  const target = { destination: ociArchiveDestination(), reference: at('oci-archive', `${dir}/x.tar:one`) }
  const source = { transport, reference: server.reference('ns/os', '1') }
  await copyImage({ source, target, instances: 'all' })
  const reader = ociArchiveTransport()
  onTestFinished(() => reader.close())
  const resolved = await reader.resolve(target.reference)
  expect(resolved).toMatchObject({ manifestDigest: image.manifestDigest, index: { digest: index.digest } })
  const layer = image.layers[0]!
  expect((await collect(reader.openLayer(resolved, layer.descriptor))).equals(layer.blob)).toBe(true)
  // What was there is replaced.
  await copyImage({ source: memory(image), target })
  const other = ociArchiveTransport()
  onTestFinished(() => other.close())
  expect((await other.resolve(target.reference)).index).toBeUndefined()
})

test('docker-archive: layers are plain, config and name are kept', async () => {
  const dir = await workspace()
  const reference = at('docker-archive', `${dir}/x.tar:example.test/os:1`)
  await copyImage({ source: memory(image), target: { destination: dockerArchiveDestination(), reference } })
  const reader = dockerArchiveTransport()
  const resolved = await reader.resolve(reference)
  expect(resolved.configDigest).toBe(image.configDigest)
  expect(resolved.manifest.layers.map(({ digest }) => digest)).toEqual(
    image.layers.map(({ diffId }) => diffId),
  )
  const layer = resolved.manifest.layers.at(-1)!
  expect((await collect(reader.openLayer(resolved, layer))).equals(image.layers.at(-1)!.tar)).toBe(true)
})

test('docker-archive: a file that is there stays as it is, and nothing is fetched', async () => {
  const dir = await workspace()
  await writeFile(join(dir, 'x.tar'), 'mine')
  const source = memory(image)
  const target = { destination: dockerArchiveDestination(), reference: at('docker-archive', `${dir}/x.tar`) }
  await expect(copyImage({ source, target })).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
  expect(await readFile(join(dir, 'x.tar'), 'utf8')).toBe('mine')
  expect(source.transport.log).toEqual(['resolve it'])
})

test('docker-archive: an index and a layer that lies are refused, and nothing is left', async () => {
  const dir = await workspace()
  const lying = buildImage({
    layers: [{ entries: [file('a', 'b')] }],
    config: (config) => ({ ...config, rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] } }),
  })
  await using server = await serveRegistry({ 'ns/os:1': buildIndex([image]), 'ns/os:lies': lying })
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  const destination = dockerArchiveDestination()
  const target = { destination, reference: at('docker-archive', `${dir}/x.tar`) }
  await expect(
    copyImage({ source: { transport, reference: server.reference('ns/os', '1') }, target, instances: 'all' }),
  ).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
  await destination.close!()
  await expect(
    copyImage({ source: { transport, reference: server.reference('ns/os', 'lies') }, target }),
  ).rejects.toMatchObject({ code: 'IMAGE_DIFFID_MISMATCH' })
  await destination.close!()
  expect(await readdir(dir)).toEqual([])
})

test('a blob that comes twice at the same time leaves no file open', async () => {
  const dir = await workspace()
  const destination = ociArchiveDestination()
  const target = at('oci-archive', `${dir}/x.tar`)
  const { descriptor, blob } = image.layers[0]!
  async function* bytes() {
    yield blob
  }
  await Promise.all([1, 2].map(() => destination.putBlob(target, descriptor, bytes())))
  await destination.close!()
  const open = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  )
  expect(open.filter((path) => path.startsWith(dir))).toEqual([])
})

test.skipIf(isMissing)('skopeo reads both', async () => {
  const dir = await workspace()
  const inspect = (name: string, ...more: string[]) =>
    execFileSync('skopeo', ['inspect', ...more, name], { encoding: 'utf8' })
  const docker = `${dir}/d.tar:example.test/os:1`
  const oci = `${dir}/o.tar:1`
  await copyImage({
    source: memory(image),
    target: { destination: dockerArchiveDestination(), reference: at('docker-archive', docker) },
  })
  await copyImage({
    source: memory(image),
    target: { destination: ociArchiveDestination(), reference: at('oci-archive', oci) },
  })
  expect(inspect(`oci-archive:${oci}`, '--raw')).toBe(Buffer.from(image.manifestBytes).toString())
  expect(inspect(`docker-archive:${docker}`, '--config', '--raw')).toBe(
    Buffer.from(image.configBytes).toString(),
  )
  for (const name of [`docker-archive:${docker}`, `oci-archive:${oci}`]) {
    execFileSync('skopeo', ['copy', name, `dir:${dir}/copied`])
    const copied = await readdir(join(dir, 'copied'))
    expect(copied).toContain('manifest.json')
    await rm(join(dir, 'copied'), { recursive: true })
  }
})
