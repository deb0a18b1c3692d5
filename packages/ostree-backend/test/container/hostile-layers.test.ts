import { describe, expect, test } from 'vitest'
import { memoryDir } from '@bootc-sdk/core/testing'
import { packTar, type TarMember } from '@bootc-sdk/core/tar'
import { sha256Digest } from '@bootc-sdk/core/oci'
import type { ResolvedImage } from '@bootc-sdk/core'
import { ostreeImageStore } from '../../src/container/image-store.js'
import { initRepo } from '../../src/repo/index.js'
import type { OstreeRepo } from '../../src/repo/api.js'

const file = (name: string, more: Partial<TarMember> = {}): TarMember => ({
  name,
  type: 'file',
  data: 'x',
  ...more,
})
const link = (name: string, linkName: string): TarMember => ({ name, type: 'hardlink', linkName })

async function importTar(tar: Uint8Array, labels: Record<string, string> = {}): Promise<OstreeRepo> {
  const repo = await initRepo(memoryDir(), 'archive', { native: false })
  const store = ostreeImageStore(repo)
  const diffId = sha256Digest(tar)
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: labels },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  }
  const configBytes = Buffer.from(JSON.stringify(config))
  const manifest = {
    schemaVersion: 2,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: sha256Digest(configBytes),
      size: configBytes.length,
    },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: diffId, size: tar.length }],
  }
  const manifestBytes = Buffer.from(JSON.stringify(manifest))
  const image: ResolvedImage = {
    reference: { transport: 'oci', name: 'x' },
    manifest,
    manifestBytes,
    manifestDigest: sha256Digest(manifestBytes),
    manifestMediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    configBytes,
    configDigest: manifest.config.digest,
  }
  await using session = await store.begin(image)
  try {
    // Small pieces, so that every state of the reader meets the end of a chunk.
    await session.putLayer(0, pieces(tar, 700))
    await session.commit()
  } catch (error) {
    expect((await repo.listRefs()).size).toBe(0)
    for await (const { name } of repo.dir.list('tmp')) expect(name).toBe('cache')
    throw error
  }
  return repo
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function rejected(
  members: readonly TarMember[],
): Promise<{ code: string; details: Record<string, unknown> }> {
  const tar = packTar(members)
  return importTar(tar).then(
    () => expect.unreachable('the layer was taken'),
    (error: unknown) => error as { code: string; details: Record<string, unknown> },
  )
}

describe('layers that are refused, with the entry named and nothing left behind', () => {
  test.each<[string, TarMember[], string, string]>([
    ['a path that leaves the root', [file('usr/../../etc/passwd')], 'IMAGE_TAR_PATH', 'usr/../../etc/passwd'],
    ['an absolute path that leaves the root', [file('/../x')], 'IMAGE_TAR_PATH', '/../x'],
    ['a hard link to outside', [link('usr/x', '../../etc/shadow')], 'IMAGE_TAR_PATH', '../../etc/shadow'],
    ['a hard link without a target', [link('usr/x', '')], 'IMAGE_TAR_PATH', 'usr/x'],
    ['a dangling hard link', [link('usr/x', 'usr/none')], 'IMAGE_TAR_CONFLICT', 'usr/x'],
    [
      'a hard link to a directory',
      [{ name: 'usr/d', type: 'directory' }, link('usr/x', 'usr/d')],
      'IMAGE_TAR_CONFLICT',
      'usr/x',
    ],
    ['a hard link to itself', [link('usr/x', 'usr/x')], 'IMAGE_TAR_CONFLICT', 'usr/x'],
    [
      'hard links in a circle',
      [link('usr/a', 'usr/b'), link('usr/b', 'usr/a')],
      'IMAGE_TAR_CONFLICT',
      'usr/a',
    ],
    [
      'a hard link to what is dropped',
      [file('run/x'), link('usr/x', 'run/x')],
      'IMAGE_TAR_CONFLICT',
      'usr/x',
    ],
    ['a file below a file', [file('usr/x'), file('usr/x/y')], 'IMAGE_TAR_CONFLICT', 'usr/x/y'],
    [
      'a file below a symbolic link',
      [{ name: 'usr/l', type: 'symlink', linkName: '/etc' }, file('usr/l/y')],
      'IMAGE_TAR_CONFLICT',
      'usr/l/y',
    ],
    [
      'a directory over a file',
      [file('usr/x'), { name: 'usr/x', type: 'directory' }],
      'IMAGE_TAR_CONFLICT',
      'usr/x',
    ],
    [
      'a file over a directory',
      [{ name: 'usr/x', type: 'directory' }, file('usr/x')],
      'IMAGE_TAR_CONFLICT',
      'usr/x',
    ],
    ['a file as root', [file('./')].map((m) => ({ ...m, name: '.' })), 'IMAGE_TAR_CONFLICT', '.'],
    [
      'a character device',
      [{ name: 'usr/null', type: 'char', devMajor: 1, devMinor: 3 }],
      'IMAGE_TAR_UNSUPPORTED',
      'usr/null',
    ],
    ['a block device', [{ name: 'usr/sda', type: 'block', devMajor: 8 }], 'IMAGE_TAR_UNSUPPORTED', 'usr/sda'],
    ['a fifo', [{ name: 'usr/pipe', type: 'fifo' }], 'IMAGE_TAR_UNSUPPORTED', 'usr/pipe'],
    ['a name that is not UTF-8', [file('usr/\udcff')], 'IMAGE_TAR_PATH', 'usr/\udcff'],
    [
      'a link target that is not UTF-8',
      [{ name: 'usr/l', type: 'symlink', linkName: '\udcff' }],
      'IMAGE_TAR_PATH',
      'usr/l',
    ],
    [
      'a symbolic link without a target',
      [{ name: 'usr/l', type: 'symlink', linkName: '' }],
      'IMAGE_TAR_PATH',
      'usr/l',
    ],
    [
      'a name too long for any file system',
      [file(`usr/${'n'.repeat(256)}`)],
      'IMAGE_TAR_PATH',
      `usr/${'n'.repeat(256)}`,
    ],
  ])('%s', async (_, members, code, entry) => {
    expect(await rejected(members)).toMatchObject({ code, details: { entry } })
  })

  test('a global PAX header', async () => {
    const tar = Buffer.from(packTar([file('pax_global_header')]))
    tar[156] = 0x67
    fixChecksum(tar)
    await expect(importTar(tar)).rejects.toMatchObject({ code: 'IMAGE_TAR_UNSUPPORTED' })
  })

  test('a sparse file', async () => {
    const tar = Buffer.from(packTar([file('usr/x')]))
    tar[156] = 0x53
    fixChecksum(tar)
    await expect(importTar(tar)).rejects.toMatchObject({ code: 'IMAGE_TAR_UNSUPPORTED' })
  })

  test('a size of 4 GiB that the archive does not have', async () => {
    const tar = Buffer.from(packTar([file('usr/x')]))
    tar.write('40000000000\0', 124, 'latin1')
    fixChecksum(tar)
    await expect(importTar(tar)).rejects.toMatchObject({ code: 'IMAGE_TAR_CORRUPT' })
  })

  test('every truncation within the data', async () => {
    const tar = packTar([file('usr/x', { data: 'y'.repeat(3000) }), file('usr/z')])
    for (let length = 100; length < 4000; length += 613) {
      await expect(importTar(tar.subarray(0, length))).rejects.toMatchObject({ code: 'IMAGE_TAR_CORRUPT' })
    }
  })
})

describe('odd layers that are taken', () => {
  test('names with newlines, spaces and leading dashes', async () => {
    const repo = await importTar(packTar([file('usr/a\nb'), file('usr/ c '), file('usr/-d')]))
    const tree = await repo.openCommit([...(await repo.listRefs('ostree/container/image')).values()][0]!)
    for (const name of ['usr/a\nb', 'usr/ c ', 'usr/-d']) expect((await tree.stat(name))!.type).toBe('file')
  })

  test('chains of hard links in any order', async () => {
    const repo = await importTar(packTar([link('usr/c', 'usr/b'), link('usr/b', 'usr/a'), file('usr/a')]))
    const tree = await repo.openCommit([...(await repo.listRefs('ostree/container/image')).values()][0]!)
    expect((await tree.stat('usr/c'))!.sizeBytes).toBe(1)
  })

  test('an empty archive', async () => {
    const repo = await importTar(packTar([]))
    const commit = await repo.readCommit([...(await repo.listRefs('ostree/container/image')).values()][0]!)
    expect(commit.rootTree).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
    expect(commit.rootMeta).toBe('446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488')
  })
})

describe('ostree layers that are refused', () => {
  const checksum = 'ab'.repeat(32)
  const object = (suffix: string, more: Partial<TarMember> = {}): TarMember =>
    file(`sysroot/ostree/repo/objects/ab/${'ab'.repeat(31)}.${suffix}`, { mode: 0o644, ...more })
  const base = (members: readonly TarMember[]): Promise<OstreeRepo> => {
    const tar = packTar(members)
    return importTar(tar, { 'ostree.final-diffid': sha256Digest(tar) })
  }

  test.each<[string, TarMember[]]>([
    ['without a commit', []],
    ['that start with something else', [object('dirtree')]],
    ['whose commit has another checksum', [object('commit')]],
    ['with content nobody announced', [object('commit'), object('file')]],
    ['with paths that are no objects', [file('sysroot/ostree/repo/objects/ab/x.file')]],
  ])('%s', async (_, members) => {
    await expect(base(members)).rejects.toMatchObject({
      code: expect.stringMatching(/IMAGE_OSTREE_LAYER|STORE_OSTREE_CORRUPT/),
    })
    expect(checksum).toHaveLength(64)
  })
})

function fixChecksum(tar: Buffer): void {
  tar.fill(0x20, 148, 156)
  let sum = 0
  for (let i = 0; i < 512; i++) sum += tar[i]!
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}
