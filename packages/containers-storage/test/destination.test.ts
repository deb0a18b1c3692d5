import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImageDestination, ImageReference } from '@bootc-sdk/core'
import { buildImage, dir as directory, file, whiteout } from '@bootc-sdk/core/testing'
import { copyImage, dirDestination, ociTransport } from '@bootc-sdk/core/transports'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { containersStorageDestination, containersStorageTransport } from '../src/index.js'

const isRoot = process.getuid?.() === 0
if (!isRoot && process.env['CI']) throw new Error('cannot be tested: not root')

const image = buildImage({
  layers: [
    { entries: [directory('usr'), file('usr/a', 'a'.repeat(100_000))] },
    { entries: [directory('usr'), whiteout('usr/a'), file('usr/b', 'b')] },
  ],
})

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-destination-'))
  await image.writeOciLayout(join(dir, 'oci'), 'one')
})
afterAll(async () => {
  // skopeo binds the directory to itself.
  for (const name of readdirSync(dir)) spawnSync('umount', [join(dir, name, 'overlay')])
  await rm(dir, { recursive: true, force: true })
})

function source() {
  return { transport: ociTransport(), reference: { transport: 'oci', name: `${dir}/oci:one` } as const }
}

function storage(name: string): ImageReference {
  return { transport: 'containers-storage', name: `[overlay@${dir}/${name}+${dir}/run]localhost/app:1` }
}

async function copied(name: string, destination: ImageDestination = containersStorageDestination()) {
  return copyImage({ source: source(), target: { destination, reference: storage(name) } })
}

async function* bytesOf(...chunks: readonly Uint8Array[]) {
  yield* chunks
}

describe.skipIf(!isRoot)('containers-storage as a place to copy to (skipped without root)', () => {
  test('an image keeps its digest, and comes out again with its layers', async () => {
    const { manifestDigest, copiedBytes } = await copied('one')
    expect(manifestDigest).toBe(image.manifestDigest)
    expect(copiedBytes).toBeGreaterThan(0)
    const transport = containersStorageTransport()
    const resolved = await transport.resolve(storage('one'))
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
    const out = {
      destination: dirDestination(),
      reference: { transport: 'dir', name: join(dir, 'out') } as const,
    }
    await copyImage({ source: { transport, reference: storage('one') }, target: out })
    const manifest = JSON.parse(readFileSync(join(dir, 'out/manifest.json'), 'utf8')) as {
      config: { digest: string }
    }
    expect(manifest.config.digest).toBe(image.configDigest)
    expect(readdirSync(join(dir, 'one')).filter((name) => name.startsWith('.bootc-sdk'))).toEqual([])
    if (spawnSync('skopeo', ['--version']).error !== undefined) return
    const shown = execFileSync('skopeo', ['inspect', `containers-storage:${storage('one').name}`], {
      encoding: 'utf8',
    })
    expect((JSON.parse(shown) as { Digest: string }).Digest).toBe(image.manifestDigest)
  })

  test('layers that are there are not read again', async () => {
    await copied('twice')
    const { skippedBytes, copiedBytes } = await copied('twice')
    expect(skippedBytes).toBe(image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0))
    expect(copiedBytes).toBe(image.configBytes.length)
  })

  test('bytes that are not what they should be leave nothing, and a manifest without its blobs no image', async () => {
    const destination = containersStorageDestination()
    const [layer] = image.layers
    const target = storage('bad')
    const { digest, size } = layer!.descriptor
    const short = destination.putBlob(target, { digest, size }, bytesOf(layer!.blob.subarray(1)))
    await expect(short).rejects.toMatchObject({ code: 'IMAGE_SIZE_MISMATCH' })
    const wrong = destination.putBlob(target, { digest, size }, bytesOf(Buffer.alloc(size)))
    await expect(wrong).rejects.toMatchObject({ code: 'IMAGE_DIGEST_MISMATCH' })
    const manifest = {
      bytes: image.manifestBytes,
      digest: image.manifestDigest,
      mediaType: image.manifestMediaType,
    }
    await expect(destination.putManifest(target, manifest)).rejects.toMatchObject({
      code: 'IMAGE_IMPORT_STATE',
    })
    await expect(containersStorageTransport().resolve(target)).rejects.toMatchObject({
      code: 'TRANSPORT_NOT_FOUND',
    })
    await destination.close?.()
  })

  test('a config that promises other layers is found out', async () => {
    const lying = buildImage({
      layers: [{ entries: [file('a', 'a')] }],
      config: (plain) => ({ ...plain, rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] } }),
    })
    await lying.writeOciLayout(join(dir, 'oci'), 'lying')
    const from = { ...source(), reference: { transport: 'oci', name: `${dir}/oci:lying` } as const }
    const target = { destination: containersStorageDestination(), reference: storage('lying') }
    await expect(copyImage({ source: from, target })).rejects.toMatchObject({ code: 'IMAGE_DIFFID_MISMATCH' })
  })
})

test.each([
  [`[vfs@/none]localhost/a:1`, 'STORE_CONTAINERS_UNSUPPORTED'],
  [`[overlay@/none]@${'1'.repeat(64)}`, 'IMAGE_REFERENCE_INVALID'],
  ['[overlay@relative]localhost/a:1', 'IMAGE_REFERENCE_INVALID'],
])('%s is refused with %s', async (name, code) => {
  const put = async () =>
    containersStorageDestination().hasBlob(
      { transport: 'containers-storage', name },
      { digest: `sha256:${'1'.repeat(64)}`, size: 1 },
    )
  await expect(put()).rejects.toMatchObject({ code })
})
