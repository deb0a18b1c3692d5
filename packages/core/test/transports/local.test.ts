import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defaultCodec, jsCodec } from '../../src/codec/index.js'
import type { ImageTransport, ResolvedImage, TransportName } from '../../src/index.js'
import { digestHex } from '../../src/oci/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { zstdStore } from '../../src/testing/compress.js'
import { allBlobs, buildImage, buildIndex, writeOciLayout } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { packTar } from '../../src/tar/index.js'
import type { TarMember } from '../../src/tar/index.js'
import { dirTransport, ociArchiveTransport, ociTransport } from '../../src/transports/index.js'
import { collect } from './helpers.js'

const image = bootableImage({ version: 1 })
const other = buildImage({ layers: [{ entries: [file('x', 'y')] }] })
const top = image.layers[2]!

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'transport-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const oci = (name = '') => ({ transport: 'oci', name: `${dir}/oci${name}` }) as const
const archive = (name = '') => ({ transport: 'oci-archive', name: `${dir}/image.tar${name}` }) as const

describe('an OCI layout', () => {
  beforeEach(async () => {
    await image.writeOciLayout(join(dir, 'oci'), 'v1')
  })

  test('gives the image and its layers, as files that native code can read', async () => {
    const transport = ociTransport()
    const resolved = await transport.resolve(oci(':v1'))
    expect(resolved).toMatchObject({
      reference: oci(':v1'),
      manifestDigest: image.manifestDigest,
      configDigest: image.configDigest,
    })
    for (const [i, layer] of resolved.manifest.layers.entries()) {
      const source = transport.openLayer(resolved, layer)
      expect(source.file).toMatchObject({ offsetBytes: 0, sizeBytes: layer.size })
      const expected = {
        digest: layer.digest,
        sizeBytes: layer.size,
        diffId: resolved.config.rootfs.diff_ids[i]!,
      }
      const tar = await collect(defaultCodec().decodeLayer(source, expected))
      expect(tar.equals(image.layers[i]!.tar)).toBe(true)
    }
  })

  test('serves ranges', async () => {
    const transport = ociTransport()
    const resolved = await transport.resolve(oci(':v1'))
    const source = transport.openLayer(resolved, top.descriptor, { range: { start: 10, end: 90 } })
    expect(source.file).toMatchObject({ offsetBytes: 10, sizeBytes: 80 })
    expect((await collect(source)).equals(top.blob.subarray(10, 90))).toBe(true)
  })

  test('with one image needs no tag, with several it does', async () => {
    const transport = ociTransport()
    expect((await transport.resolve(oci())).manifestDigest).toBe(image.manifestDigest)
    await other.writeOciLayout(join(dir, 'oci'), 'v2')
    await expect(transport.resolve(oci())).rejects.toMatchObject({
      code: 'IMAGE_REFERENCE_AMBIGUOUS',
      details: { names: ['v1', 'v2'] },
    })
    expect((await transport.resolve(oci(':v2'))).manifestDigest).toBe(other.manifestDigest)
    expect((await transport.resolve(oci(':@0'))).manifestDigest).toBe(image.manifestDigest)
    expect((await transport.resolve(oci(':@1'))).manifestDigest).toBe(other.manifestDigest)
  })

  test.each([':v3', ':@7'])('without what %s asks for', async (name) => {
    await expect(ociTransport().resolve(oci(name))).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' })
  })

  test.each([':@x', ':@-1', ':@01'])('with the malformed name %s', async (name) => {
    await expect(ociTransport().resolve(oci(name))).rejects.toMatchObject({ code: 'IMAGE_REFERENCE_INVALID' })
  })

  test('takes the first entry of a tag, ignoring entries that are no images', async () => {
    const index = JSON.parse(await readFile(join(dir, 'oci/index.json'), 'utf8')) as { manifests: object[] }
    const [entry] = index.manifests
    const odd = { ...entry, mediaType: 'application/vnd.example+json' }
    await writeFile(join(dir, 'oci/index.json'), JSON.stringify({ ...index, manifests: [odd, entry] }))
    expect((await ociTransport().resolve(oci())).manifestDigest).toBe(image.manifestDigest)
    expect((await ociTransport().resolve(oci(':v1'))).manifestDigest).toBe(image.manifestDigest)
  })

  test('may hold an index, also one in another, at most three deep', async () => {
    const platform = { os: 'linux', architecture: 'amd64' }
    const level1 = buildIndex([image, other], { platforms: [platform, null] })
    const nested = (inner: ReturnType<typeof buildIndex>) => {
      const outer = buildIndex([
        {
          ...image,
          manifestBytes: inner.bytes,
          manifestDigest: inner.digest,
          manifestMediaType: inner.mediaType,
        },
      ])
      return { ...outer, images: [...outer.images, ...inner.images] }
    }
    const level2 = nested(level1)
    const level3 = nested(level2)
    const level4 = nested(level3)
    const layout = join(dir, 'oci')
    for (const [tag, index] of Object.entries({ level1, level2, level3, level4 })) {
      await writeOciLayout(layout, index, tag)
    }
    for (const tag of ['level1', 'level2', 'level3']) {
      const resolved = await ociTransport().resolve(oci(`:${tag}`), { platform })
      expect(resolved.manifestDigest).toBe(image.manifestDigest)
    }
    expect((await ociTransport().resolve(oci(':level2'), { platform })).index?.digest).toBe(level2.digest)
    await expect(ociTransport().resolve(oci(':level4'), { platform })).rejects.toMatchObject({
      code: 'IMAGE_MANIFEST_INVALID',
    })
  })

  test.each([
    ['a directory that is missing', () => rm(join(dir, 'oci'), { recursive: true }), 'TRANSPORT_NOT_FOUND'],
    ['no oci-layout', () => rm(join(dir, 'oci/oci-layout')), 'IMAGE_LAYOUT_INVALID'],
    [
      'another version',
      () => writeFile(join(dir, 'oci/oci-layout'), '{"imageLayoutVersion":"2.0"}'),
      'IMAGE_LAYOUT_INVALID',
    ],
    ['no index.json', () => rm(join(dir, 'oci/index.json')), 'IMAGE_LAYOUT_INVALID'],
    [
      'index.json that is nonsense',
      () => writeFile(join(dir, 'oci/index.json'), '{"manifests": 1}'),
      'IMAGE_MANIFEST_INVALID',
    ],
    ['a manifest that is missing', () => rm(blobPath(image.manifestDigest)), 'IMAGE_LAYOUT_INVALID'],
    ['a manifest with another byte', () => damage(blobPath(image.manifestDigest)), 'IMAGE_DIGEST_MISMATCH'],
    [
      'a manifest of another size',
      () => writeFile(blobPath(image.manifestDigest), 'x'),
      'IMAGE_SIZE_MISMATCH',
    ],
    ['a config with another byte', () => damage(blobPath(image.configDigest)), 'IMAGE_DIGEST_MISMATCH'],
    ['a config that is a directory', () => replaceByDirectory(image.configDigest), 'IMAGE_LAYOUT_INVALID'],
    ['a config that is a FIFO', () => replaceByFifo(image.configDigest), 'IMAGE_LAYOUT_INVALID'],
    ['a config that is a link out of it', () => replaceByLink(image.configDigest), 'IMAGE_LAYOUT_INVALID'],
    [
      'a config without end',
      () => writeFile(blobPath(image.configDigest), Buffer.alloc(5 << 20)),
      'IMAGE_LAYOUT_INVALID',
    ],
    ['blobs that are a link out of it', linkBlobsOut, 'IMAGE_LAYOUT_INVALID'],
  ])('with %s is refused', async (_name, spoil, code) => {
    await spoil()
    await expect(ociTransport().resolve(oci(':v1'))).rejects.toMatchObject({ code })
  })

  test('may use links within itself', async () => {
    const path = blobPath(image.configDigest)
    await rename(path, join(dir, 'oci/blobs/moved'))
    await symlink('../moved', path)
    expect((await ociTransport().resolve(oci(':v1'))).configDigest).toBe(image.configDigest)
  })

  test.each([
    ['missing', (path: string) => rm(path), 'TRANSPORT_NOT_FOUND'],
    [
      'a link out',
      (path: string) => rm(path).then(() => symlink('/etc/passwd', path)),
      'IMAGE_LAYOUT_INVALID',
    ],
    ['shorter', (path: string) => writeFile(path, top.blob.subarray(0, 50)), 'IMAGE_SIZE_MISMATCH'],
    [
      'longer',
      (path: string) => writeFile(path, Buffer.concat([top.blob, Buffer.alloc(9)])),
      'IMAGE_SIZE_MISMATCH',
    ],
    ['changed', (path: string) => damage(path), 'IMAGE_DIGEST_MISMATCH'],
  ])('with a layer that is %s is refused when the layer is read', async (_name, spoil, code) => {
    const transport = ociTransport()
    const resolved = await transport.resolve(oci(':v1'))
    await spoil(blobPath(top.descriptor.digest))
    for (const codec of [defaultCodec(), jsCodec()]) {
      const source = transport.openLayer(resolved, top.descriptor)
      const expected = { digest: top.descriptor.digest, sizeBytes: top.descriptor.size }
      await expect(collect(codec.decodeLayer(source, expected))).rejects.toMatchObject({ code })
    }
  })

  test('stops reading when aborted', async () => {
    const transport = ociTransport()
    const resolved = await transport.resolve(oci(':v1'))
    const reason = new Error('stop')
    const signal = AbortSignal.abort(reason)
    await expect(collect(transport.openLayer(resolved, top.descriptor, { signal }))).rejects.toBe(reason)
    await expect(transport.resolve(oci(':v1'), { signal })).rejects.toBe(reason)
  })
})

describe('an archive of a layout', () => {
  let members: TarMember[]
  beforeEach(async () => {
    await image.writeOciLayout(join(dir, 'oci'), 'v1')
    members = [
      { name: 'blobs/', type: 'directory' },
      { name: 'blobs/sha256/', type: 'directory' },
      ...[...allBlobs(image)].map(([digest, data]) => ({ name: `blobs/sha256/${digestHex(digest)}`, data })),
      { name: 'oci-layout', data: await readFile(join(dir, 'oci/oci-layout')) },
      { name: 'index.json', data: await readFile(join(dir, 'oci/index.json')) },
    ]
  })
  const write = (blob: Uint8Array = packTar(members)) => writeFile(join(dir, 'image.tar'), blob)
  const pull = async (transport: ImageTransport, reference = archive(':v1')) => {
    const resolved = await transport.resolve(reference)
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
    for (const { descriptor, blob } of image.layers) {
      expect((await collect(transport.openLayer(resolved, descriptor))).equals(blob)).toBe(true)
    }
    return resolved
  }

  test('is read in place', async () => {
    await write()
    const transport = ociArchiveTransport()
    const resolved = await pull(transport)
    const source = transport.openLayer(resolved, top.descriptor)
    expect(source.file).toMatchObject({ sizeBytes: top.descriptor.size })
    const expected = { digest: top.descriptor.digest, sizeBytes: top.descriptor.size, diffId: top.diffId }
    expect((await collect(defaultCodec().decodeLayer(source, expected))).equals(top.tar)).toBe(true)
    await transport.close()
  })

  test.each([
    ['gzip', (tar: Uint8Array) => gzipSync(tar)],
    ['zstd', (tar: Uint8Array) => zstdStore(tar)],
  ])('may be compressed with %s, leaving no temporary file', async (_name, compress) => {
    await write(compress(packTar(members)))
    const temporaryDir = join(dir, 'tmp')
    await mkdir(temporaryDir)
    const transport = ociArchiveTransport({ temporaryDir })
    await pull(transport)
    expect(await readdir(temporaryDir)).toEqual([])
    await transport.close()
  })

  test('may be in any order, with "./" in front of names', async () => {
    members = members.reverse().map((member) => ({ ...member, name: `./${member.name}` }))
    await write()
    const transport = ociArchiveTransport()
    await pull(transport, archive())
    await transport.close()
  })

  test('made by GNU tar is read', async () => {
    execFileSync('tar', ['-C', join(dir, 'oci'), '-cf', join(dir, 'image.tar'), '.'])
    const transport = ociArchiveTransport()
    await pull(transport)
    await transport.close()
  })

  test('that changes is read anew', async () => {
    await write()
    const transport = ociArchiveTransport()
    const resolved = await pull(transport)
    await rm(join(dir, 'oci'), { recursive: true })
    await other.writeOciLayout(join(dir, 'oci'), 'v1')
    execFileSync('tar', ['-C', join(dir, 'oci'), '-cf', join(dir, 'image.tar'), '.'])
    expect((await transport.resolve(archive(':v1'))).manifestDigest).toBe(other.manifestDigest)
    await expect(collect(transport.openLayer(resolved, top.descriptor))).rejects.toMatchObject({
      code: 'TRANSPORT_NOT_FOUND',
    })
    await transport.close()
  })

  test('gives layers to a transport that did not resolve it', async () => {
    await write()
    const first = ociArchiveTransport()
    const resolved = await first.resolve(archive(':v1'))
    const second = ociArchiveTransport()
    expect((await collect(second.openLayer(resolved, top.descriptor))).equals(top.blob)).toBe(true)
    await Promise.all([first.close(), second.close()])
  })

  test('that is missing is not found', async () => {
    await expect(ociArchiveTransport().resolve(archive())).rejects.toMatchObject({
      code: 'TRANSPORT_NOT_FOUND',
    })
  })

  const hostile: readonly (readonly [string, (good: TarMember[]) => TarMember[]])[] = [
    ['an absolute name', (good) => [...good, { name: '/etc/passwd', data: 'x' }]],
    ['a name with ".."', (good) => [...good, { name: 'blobs/../../x', data: 'x' }]],
    ['a symbolic link', (good) => [...good, { name: 'link', type: 'symlink', linkName: '/etc/passwd' }]],
    ['blobs as a symbolic link', (good) => [{ name: 'blobs', type: 'symlink', linkName: '/' }, ...good]],
    ['a hard link', (good) => [...good, { name: 'link', type: 'hardlink', linkName: 'index.json' }]],
    ['a device', (good) => [...good, { name: 'null', type: 'char', devMajor: 1, devMinor: 3 }]],
    ['two members of one name', (good) => [...good, { name: 'index.json', data: '{}' }]],
    [
      'two members of one name, spelled differently',
      (good) => [...good, { name: './index.json', data: '{}' }],
    ],
    ['more members than any image has', (good) => [...good, ...manyMembers()]],
  ]
  test.each(hostile)('with %s is refused', async (_name, spoil) => {
    members = spoil(members)
    await write()
    await expect(ociArchiveTransport().resolve(archive(':v1'))).rejects.toMatchObject({
      code: 'IMAGE_LAYOUT_INVALID',
      details: { path: join(dir, 'image.tar') },
    })
  })

  test.each([
    ['a sparse member', (tar: Buffer) => retyped(tar, 'S')],
    [
      'a damaged header',
      (tar: Buffer) => Buffer.concat([tar.subarray(0, 20), Buffer.from('!'), tar.subarray(21)]),
    ],
    ['a member that goes beyond the end', (tar: Buffer) => tar.subarray(0, tar.length - 3000)],
    [
      'something else than a tar inside',
      () => Buffer.from('no tar at all, but longer than a magic number'.repeat(50)),
    ],
    ['half a gzip around it', (tar: Buffer) => gzipSync(tar).subarray(0, 5000)],
  ])('with %s is refused', async (_name, spoil) => {
    await write(spoil(packTar(members)))
    await expect(ociArchiveTransport().resolve(archive(':v1'))).rejects.toMatchObject({
      code: 'IMAGE_LAYOUT_INVALID',
    })
  })

  test('that unpacks to more than is allowed is refused', async () => {
    await write(gzipSync(Buffer.alloc(3_000_000)))
    await expect(ociArchiveTransport({ maxBytes: 1_000_000 }).resolve(archive())).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
    })
  })

  test('compressed in another way is refused by name', async () => {
    await write(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 1, 2, 3]))
    await expect(ociArchiveTransport().resolve(archive())).rejects.toMatchObject({
      code: 'IMAGE_COMPRESSION_UNSUPPORTED',
      details: { compression: 'xz' },
    })
  })
})

describe('a dir', () => {
  const reference = () => ({ transport: 'dir', name: join(dir, 'flat') }) as const
  beforeEach(async () => {
    await mkdir(join(dir, 'flat'))
    await writeFile(join(dir, 'flat/version'), 'Directory Transport Version: 1.1\n')
    await writeFile(join(dir, 'flat/manifest.json'), image.manifestBytes)
    for (const [digest, bytes] of image.blobs) await writeFile(join(dir, 'flat', digestHex(digest)), bytes)
  })

  test('gives the image and its layers', async () => {
    const transport = dirTransport()
    const resolved = await transport.resolve(reference())
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
    const source = transport.openLayer(resolved, top.descriptor)
    expect(source.file).toMatchObject({ sizeBytes: top.descriptor.size })
    expect((await collect(source)).equals(top.blob)).toBe(true)
  })

  test('may hold an index with its instances', async () => {
    const index = buildIndex([other, image], {
      platforms: [{ os: 'linux', architecture: 's390x' }, image.platform],
    })
    await writeFile(join(dir, 'flat/manifest.json'), index.bytes)
    await writeFile(join(dir, `flat/${digestHex(image.manifestDigest)}.manifest.json`), image.manifestBytes)
    const platform = { os: 'linux', architecture: 'amd64' }
    const resolved = await dirTransport().resolve(reference(), { platform })
    expect(resolved).toMatchObject({ manifestDigest: image.manifestDigest, index: { digest: index.digest } })
  })

  test.each([
    [
      'of another version',
      () => writeFile(join(dir, 'flat/version'), 'Directory Transport Version: 1.0\n'),
      'IMAGE_LAYOUT_INVALID',
    ],
    ['without a version', () => rm(join(dir, 'flat/version')), 'IMAGE_LAYOUT_INVALID'],
    ['without a manifest', () => rm(join(dir, 'flat/manifest.json')), 'IMAGE_LAYOUT_INVALID'],
    [
      'with another config',
      () => damage(join(dir, 'flat', digestHex(image.configDigest))),
      'IMAGE_DIGEST_MISMATCH',
    ],
    ['that is missing', () => rm(join(dir, 'flat'), { recursive: true }), 'TRANSPORT_NOT_FOUND'],
  ])('%s is refused', async (_name, spoil, code) => {
    await spoil()
    await expect(dirTransport().resolve(reference())).rejects.toMatchObject({ code })
  })
})

test('relative paths start at the current directory', async () => {
  await image.writeOciLayout(join(dir, 'oci'), 'v1')
  const before = process.cwd()
  try {
    process.chdir(dir)
    const resolved: ResolvedImage = await ociTransport().resolve({
      transport: 'oci' as TransportName,
      name: 'oci:v1',
    })
    expect(resolved.manifestDigest).toBe(image.manifestDigest)
  } finally {
    process.chdir(before)
  }
})

function blobPath(digest: `${'sha256' | 'sha512'}:${string}`): string {
  return join(dir, 'oci/blobs/sha256', digestHex(digest))
}

/** Change one letter in the middle. */
async function damage(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length >> 1]! ^= 0x01
  await writeFile(path, bytes)
}

async function replaceByDirectory(digest: `sha256:${string}` | `sha512:${string}`): Promise<void> {
  await rm(blobPath(digest))
  await mkdir(blobPath(digest))
}

async function replaceByFifo(digest: `sha256:${string}` | `sha512:${string}`): Promise<void> {
  await rm(blobPath(digest))
  execFileSync('mkfifo', [blobPath(digest)])
}

async function replaceByLink(digest: `sha256:${string}` | `sha512:${string}`): Promise<void> {
  await rename(blobPath(digest), join(dir, 'outside'))
  await symlink(join(dir, 'outside'), blobPath(digest))
}

async function linkBlobsOut(): Promise<void> {
  await rename(join(dir, 'oci/blobs'), join(dir, 'blobs'))
  await symlink('../blobs', join(dir, 'oci/blobs'))
}

function* manyMembers(): Generator<TarMember> {
  for (let i = 0; i < 10_001; i++) yield { name: `m${i}` }
}

/** The first member with another type flag and a right checksum. */
function retyped(tar: Buffer, flag: string): Buffer {
  const copy = Buffer.from(tar)
  copy.write(flag, 156, 'latin1')
  copy.fill(0x20, 148, 156)
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return copy
}
