import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultCodec } from '../../src/codec/index.js'
import type { ImageReference, ImageTransport } from '../../src/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { buildIndex, writeOciLayout } from '../../src/testing/image-builder.js'
import { serveRegistry } from '../../src/testing/registry-server.js'
import {
  dirTransport,
  ociArchiveTransport,
  ociTransport,
  registryTransport,
} from '../../src/transports/index.js'
import { collect } from './helpers.js'
import { startRegistry as start } from './docker-registry.js'
import type { DockerRegistry } from './docker-registry.js'

// The real tools: skopeo as the client that writes, Debian's docker-registry as the server.

const image = bootableImage({ version: 2 })
const arm = bootableImage({ version: 2, architecture: 'arm64' })
const missing = ['skopeo', 'docker-registry'].filter((tool) => spawnSync(tool, ['--version']).error)
if (missing.length > 0 && process.env.CI) throw new Error(`not installed: ${missing.join(', ')}`)
const reason = missing.length > 0 ? ` (skipped: no ${missing.join(', ')})` : ''

let dir: string
let open: DockerRegistry
const startRegistry = (name: string, auth = false) => start(dir, name, auth)
beforeAll(async () => {
  if (missing.length > 0) return
  dir = await mkdtemp(join(tmpdir(), 'interop-'))
  await image.writeOciLayout(join(dir, 'made'), 'v2')
  await writeOciLayout(join(dir, 'made'), buildIndex([arm, image]), 'multi')
  open = await startRegistry('open')
  await skopeo('copy', `oci:${dir}/made:v2`, `docker://${open.host}/ns/app:v2`)
})
afterAll(async () => {
  await open?.stop()
  if (dir) await rm(dir, { recursive: true, force: true })
})

describe.skipIf(missing.length > 0)(`skopeo and docker-registry${reason}`, () => {
  test('what skopeo pushed is pulled from the registry', async () => {
    const transport = registryTransport()
    const resolved = await pull(transport, docker(open, 'v2'))
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
    await transport.close()
  })

  test('a range of a layer comes from the registry as 206', async () => {
    const transport = registryTransport()
    const resolved = await transport.resolve(docker(open, 'v2'))
    const layer = image.layers[0]!
    const range = { start: 1000, end: 90_000 }
    const part = await collect(transport.openLayer(resolved, layer.descriptor, { range }))
    expect(part.equals(layer.blob.subarray(range.start, range.end))).toBe(true)
    await transport.close()
  })

  test('an index with two platforms is resolved to one', async () => {
    await skopeo('copy', '--all', `oci:${dir}/made:multi`, `docker://${open.host}/ns/app:multi`)
    const transport = registryTransport()
    const platform = { os: 'linux', architecture: 'arm64' }
    const resolved = await transport.resolve(docker(open, 'multi'), { platform })
    expect(resolved.manifestDigest).toBe(arm.manifestDigest)
    await transport.close()
  })

  test.each(['v2s2', 'oci'])('an image of format %s has the same content', async (format) => {
    await skopeo('copy', '--format', format, `oci:${dir}/made:v2`, `docker://${open.host}/ns/${format}:v2`)
    const transport = registryTransport()
    await pull(transport, { transport: 'registry', name: `${open.host}/ns/${format}:v2` })
    await transport.close()
  })

  test('basic authentication is understood by a real registry', async () => {
    const closed = await startRegistry('closed', true)
    const reference = docker(closed, 'v2')
    try {
      await skopeo(
        'copy',
        '--dest-creds',
        'me:s3cret',
        `oci:${dir}/made:v2`,
        `docker://${closed.host}/ns/app:v2`,
      )
      await expect(registryTransport().resolve(reference)).rejects.toMatchObject({
        code: 'TRANSPORT_UNAUTHORIZED',
      })
      const credentials = () => ({ username: 'me', password: 's3cret' })
      await pull(registryTransport({ credentials }), reference)
    } finally {
      await closed.stop()
    }
  })

  test.each([
    ['oci', 'gzip', () => ociTransport()],
    ['oci', 'zstd', () => ociTransport()],
    ['oci-archive', 'gzip', () => ociArchiveTransport()],
    ['oci-archive', 'zstd', () => ociArchiveTransport()],
    ['dir', 'gzip', () => dirTransport()],
    ['dir', 'zstd', () => dirTransport()],
  ] as const)('%s with %s layers, written by skopeo, is read', async (name, compression, make) => {
    const path = join(dir, `${name}-${compression}`)
    const target = name === 'dir' ? path : `${path}:v2`
    await skopeo(
      'copy',
      '--dest-compress',
      '--dest-compress-format',
      compression,
      `docker://${open.host}/ns/app:v2`,
      `${name}:${target}`,
    )
    await pull(make(), { transport: name, name: target })
  })

  test('skopeo reads what we write and serve', async () => {
    await using served = await serveRegistry({ 'ns/app:v2': image })
    await skopeo('copy', `docker://${served.host}/ns/app:v2`, `dir:${dir}/from-ours`)
    const theirs = served.log.map(({ method, path }) => `${method} ${path}`)
    const resolved = await pull(dirTransport(), { transport: 'dir', name: `${dir}/from-ours` })
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
    // And asks our server the same questions as we do.
    served.log.length = 0
    await pull(registryTransport(), { transport: 'registry', name: `${served.host}/ns/app:v2` })
    const ours = served.log.map(({ method, path }) => `${method} ${path}`)
    expect(ours.slice(0, 2)).toEqual(theirs.slice(0, 2))
    // Blobs come in any order, several at once.
    expect(ours.toSorted()).toEqual(theirs.toSorted())
  })
})

/** Resolve and read every layer, checking content against the image that went in. */
async function pull(transport: ImageTransport, reference: ImageReference) {
  const resolved = await transport.resolve(reference)
  expect(resolved.config.rootfs.diff_ids).toEqual(image.config.rootfs.diff_ids)
  for (const [i, layer] of resolved.manifest.layers.entries()) {
    const source = transport.openLayer(resolved, layer)
    const expected = { digest: layer.digest, sizeBytes: layer.size, diffId: image.layers[i]!.diffId }
    await collect(defaultCodec().decodeLayer(source, expected))
  }
  return resolved
}

function docker(registry: DockerRegistry, tag: string): ImageReference {
  return { transport: 'registry', name: `${registry.host}/ns/app:${tag}` }
}

/** Not `spawnSync`: one of the servers that it talks to may live in this process. */
async function skopeo(...args: string[]): Promise<void> {
  const [command, ...rest] = args
  const argv = ['--insecure-policy', command!, '--src-tls-verify=false', '--dest-tls-verify=false', ...rest]
  await promisify(execFile)('skopeo', argv, { timeout: 20_000 })
}
