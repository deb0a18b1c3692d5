import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dir, LayerTar } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  buildImage,
  dir as directory,
  file,
  hardlink,
  memoryDir,
  memoryTransport,
  opaque,
  readText,
  symlink as link,
  whiteout,
} from '@bootc-sdk/core/testing'
import { pullImage } from '@bootc-sdk/core'
import { readTarSplit, type TarMember } from '@bootc-sdk/core/tar'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { containersImageStore } from '../src/index.js'
import { Crc64 } from '../src/write/crc64.js'
import { stageLayer } from '../src/write/stage-layer.js'

async function staged(entries: readonly TarMember[], dir: Dir = memoryDir({ directories: ['diff'] })) {
  const facts = await stageLayer(dir, tarOf(entries))
  return { facts, dir, diff: dir.sub('diff') }
}

function tarOf(entries: readonly TarMember[]): LayerTar {
  const [layer] = buildImage({ layers: [{ entries }] }).layers
  return chunks(layer!.tar)
}

async function* chunks(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.slice(at, at + 1000)
}

test('checksums of files are those of Go', () => {
  // go run: crc64.Checksum([]byte("123456789"), crc64.MakeTable(crc64.ISO))
  const crc = new Crc64()
  crc.update(Buffer.from('12345'))
  crc.update(Buffer.from('6789'))
  expect(crc.digest().toString('hex')).toBe('b90956c775a41001')
  expect(new Crc64().digest().toString('hex')).toBe('0000000000000000')
})

describe('a layer for overlayfs', () => {
  test('whiteouts are devices, opaque directories have the attribute, and nothing of either name is left', async () => {
    const { diff } = await staged([
      directory('d', { xattrs: { 'user.x': 'y' } }),
      whiteout('d/gone'),
      whiteout('top'),
      directory('o'),
      opaque('o'),
      file('o/new', 'n'),
    ])
    expect(await diff.stat('d/gone')).toMatchObject({ type: 'char', mode: 0, uid: 0, gid: 0 })
    expect((await diff.stat('top'))?.type).toBe('char')
    expect((await diff.xattrs('o')).map(({ name, value }) => [name, Buffer.from(value).toString()])).toEqual([
      ['trusted.overlay.opaque', 'y'],
    ])
    expect((await diff.xattrs('d')).map(({ name }) => name)).toEqual(['user.x'])
    expect(await diff.stat('d/.wh.gone')).toBeUndefined()
  })

  test('an opaque mark before its directory, and a whiteout beside what it hides, keep what the layer has', async () => {
    const { diff } = await staged([
      opaque('o'),
      directory('o', { mode: 0o700, xattrs: { 'user.x': 'y' } }),
      file('o/kept', 'k'),
      file('both', 'b'),
      whiteout('both'),
      directory('dir'),
      file('dir/x', 'x'),
      whiteout('dir'),
    ])
    expect((await diff.stat('o'))?.mode).toBe(0o700)
    expect((await diff.xattrs('o')).map(({ name }) => name)).toEqual(['trusted.overlay.opaque', 'user.x'])
    expect(await readText(diff, 'both')).toBe('b')
    expect(await readText(diff, 'dir/x')).toBe('x')
    expect((await diff.xattrs('dir')).map(({ name }) => name)).toEqual(['trusted.overlay.opaque'])
  })

  test('links on the way stay inside, wherever they point', async () => {
    const { diff } = await staged([
      link('up', '../../..'),
      file('up/outside', 'kept inside'),
      link('absolute', '/usr/lib'),
      file('absolute/a', 'a'),
      link('chain', 'absolute'),
      hardlink('chain/b', 'usr/lib/a'),
    ])
    expect(await readText(diff, 'outside')).toBe('kept inside')
    expect(await readText(diff, 'usr/lib/b')).toBe('a')
    expect((await diff.stat('usr/lib/a'))?.nlink).toBe(2)
  })

  test('the root has the mode that the tar gives it, and times of directories outlast what is put into them', async () => {
    const { diff } = await staged([
      { name: './', type: 'directory', mode: 0o711, mtime: 5 },
      directory('d', { mtime: 77 }),
      file('d/x', 'x'),
    ])
    expect(await diff.stat('')).toMatchObject({ mode: 0o711, mtime: 5 })
    expect((await diff.stat('d'))?.mtime).toBe(77)
  })

  test('owners of all members are told, sorted', async () => {
    const { facts } = await staged([
      file('a', '', { uid: 1000, gid: 5 }),
      file('b'),
      file('c', '', { uid: 33, gid: 5 }),
    ])
    expect(facts).toMatchObject({ uids: [0, 33, 1000], gids: [0, 5] })
  })

  test('large files flow, and the tar-split data make the tar again', async () => {
    const big = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => i % 251))
    const entries = [file('big', big), file('small', 's'), file(`long/${'x'.repeat(180)}`, 'l')]
    const { dir, diff, facts } = await staged(entries)
    expect(Buffer.from(await bytesOf(diff, 'big')).equals(big)).toBe(true)
    const parts: Uint8Array[] = []
    for await (const item of readTarSplit(chunks(gunzipSync(await bytesOf(dir, 'tar-split.gz'))))) {
      parts.push(item.kind === 'bytes' ? item.bytes : await bytesOf(diff, item.name))
    }
    const [layer] = buildImage({ layers: [{ entries }] }).layers
    expect(Buffer.concat(parts).equals(layer!.tar)).toBe(true)
    expect(facts.diffBytes).toBe(layer!.tar.length)
  })

  test.each([
    ['a name twice', [file('a', '1'), file('./a', '2')], 'IMAGE_TAR_CONFLICT'],
    ['a directory twice', [directory('a'), { ...directory('a'), name: 'a' }], 'IMAGE_TAR_CONFLICT'],
    ['a name that leads out', [file('a/../../x')], 'IMAGE_TAR_PATH'],
    ['a hard link that leads out', [hardlink('x', '../../etc/passwd')], 'IMAGE_TAR_PATH'],
    ['a hard link to nothing', [hardlink('x', 'y')], 'IMAGE_TAR_PATH'],
    ['a hard link to a directory', [directory('d'), hardlink('x', 'd')], 'IMAGE_TAR_PATH'],
    [
      'a hard link to itself',
      [file('x'), directory('l'), link('l/m', '..'), hardlink('l/m/x', 'x')],
      'IMAGE_TAR_PATH',
    ],
    ['a whiteout of nothing', [whiteout('')], 'IMAGE_TAR_PATH'],
    ['a whiteout of the parent', [{ name: 'd/.wh...', type: 'file' as const }], 'IMAGE_TAR_PATH'],
    ['links in circles', [link('a', 'b'), link('b', 'a'), file('a/x')], 'IMAGE_TAR_CONFLICT'],
    ['a file as a directory', [file('a'), file('a/x')], 'IMAGE_TAR_CONFLICT'],
    [
      'marks of overlayfs',
      [file('a', '', { xattrs: { 'trusted.overlay.redirect': '/etc' } })],
      'IMAGE_TAR_UNSUPPORTED',
    ],
    [
      'marks of overlayfs for users',
      [directory('a', { xattrs: { 'user.overlay.opaque': 'y' } })],
      'IMAGE_TAR_UNSUPPORTED',
    ],
  ] as const)('%s is refused', async (_, entries, code) => {
    await expect(staged(entries)).rejects.toMatchObject({ code })
  })

  test('a tar that breaks off in a large file is refused, and the error of its stream is what comes out', async () => {
    const whole = buildImage({ layers: [{ entries: [file('big', Buffer.alloc(3_000_000))] }] }).layers[0]!.tar
    const dir = memoryDir({ directories: ['diff'] })
    await expect(stageLayer(dir, chunks(whole.slice(0, 2_000_000)))).rejects.toMatchObject({
      code: 'IMAGE_TAR_CORRUPT',
    })
    const reason = new Error('connection lost')
    async function* failing() {
      yield* chunks(whole.slice(0, 2_000_000))
      throw reason
    }
    await expect(stageLayer(memoryDir({ directories: ['diff'] }), failing())).rejects.toBe(reason)
  })

  test('a full disk ends it with what the disk says', async () => {
    const dir = memoryDir({ directories: ['diff'], capacityBytes: 1_000_000 })
    await expect(staged([file('big', Buffer.alloc(3_000_000))], dir)).rejects.toMatchObject({
      code: 'TREE_NO_SPACE',
    })
  })
})

describe('labels', () => {
  const labels = {
    label: (path: string) => `system_u:object_r:${path.startsWith('overlay/') ? 'ro' : 'var'}:s0`,
  }

  test('everything that is written has one, and those of the image\u2019s builder are not taken over', async () => {
    const dir = memoryDir()
    const image = buildImage({
      layers: [
        {
          entries: [
            directory('d', { xattrs: { 'security.selinux': 'foreign' } }),
            file('d/f', 'f', { xattrs: { 'security.selinux': 'foreign', 'user.x': 'y' } }),
            link('l', 'd'),
            whiteout('w'),
          ],
        },
        { entries: [file('g', 'g')] },
      ],
    })
    await pullImage({
      transports: [memoryTransport({ 'registry.test/a:1': image })],
      store: containersImageStore(dir, labels),
      reference: { transport: 'registry', name: 'registry.test/a:1' },
      platform: { architecture: 'amd64', os: 'linux' },
    })
    const missing: string[] = []
    const walk = async (path: string): Promise<void> => {
      for await (const { name, stat } of dir.list(path)) {
        const child = path === '' ? name : `${path}/${name}`
        const xattrs = await dir.xattrs(child)
        const label = Buffer.from(
          xattrs.find((each) => each.name === 'security.selinux')?.value ?? [],
        ).toString()
        const expected = `${labels.label(child)}\0`
        if (label !== expected && !child.startsWith('bootc-sdk/')) missing.push(child)
        if (stat.type === 'directory') await walk(child)
      }
    }
    await walk('')
    expect(missing).toEqual([])
  })
})

describe('directories that cannot hold layers', () => {
  const made: string[] = []
  afterEach(async () => {
    for (const path of made.splice(0)) await rm(path, { recursive: true, force: true })
  })
  const image = buildImage({ layers: [{ entries: [file('a', 'a')] }, { entries: [whiteout('a')] }] })
  const pull = (dir: Dir) =>
    pullImage({
      transports: [memoryTransport({ 'registry.test/a:1': image })],
      store: containersImageStore(dir),
      reference: { transport: 'registry', name: 'registry.test/a:1' },
      platform: { architecture: 'amd64', os: 'linux' },
    })

  test.each([['chown'], ['xattrs'], ['symlink']] as const)('without %s nothing is written', async (what) => {
    const dir = memoryDir({ supports: { [what]: false } })
    await expect(pull(dir)).rejects.toMatchObject({ code: 'STORE_CONTAINERS_UNSUPPORTED' })
    const names: string[] = []
    for await (const { name } of dir.list('')) names.push(name)
    expect(names).toEqual([])
  })

  test('without devices a layer with whiteouts is refused, and no image is there', async () => {
    const withoutNodes = ({ mknod: _, ...rest }: Dir): Dir => ({
      ...rest,
      sub: (path) => withoutNodes(rest.sub(path)),
    })
    const dir = withoutNodes(memoryDir())
    await expect(pull(dir)).rejects.toMatchObject({
      code: 'STORE_CONTAINERS_UNSUPPORTED',
      details: { what: 'mknod' },
    })
    expect(
      await containersImageStore(dir).lookup({ transport: 'registry', name: 'registry.test/a:1' }),
    ).toBeUndefined()
  })

  test('storage of another driver is left alone', async () => {
    const dir = memoryDir({ directories: ['vfs-layers', 'vfs-images'] })
    await expect(pull(dir)).rejects.toMatchObject({
      code: 'STORE_CONTAINERS_UNSUPPORTED',
      details: { driver: 'vfs' },
    })
  })

  test.skipIf(process.getuid?.() === 0)('a directory of a user is refused (skipped for root)', async () => {
    const path = await mkdtemp(join(tmpdir(), 'storage-user-'))
    made.push(path)
    await expect(pull(nodeDir(path))).rejects.toMatchObject({ code: 'STORE_CONTAINERS_UNSUPPORTED' })
  })

  test('damaged lists are an error, and are not overwritten', async () => {
    const dir = memoryDir()
    await pull(dir)
    for (const text of ['{', '{}', '[{"id":"../x"}]', '[1]']) {
      await dir.write('overlay-layers/layers.json', Buffer.from(text))
      await expect(pull(dir), text).resolves.toMatchObject({ changed: false })
      await dir.write('overlay-images/images.json', Buffer.from(text))
      await expect(pull(dir), text).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
      expect(await readText(dir, 'overlay-images/images.json')).toBe(text)
      await dir.write('overlay-images/images.json', Buffer.from('[]'))
      await expect(pull(dir), text).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' })
      await dir.write('overlay-layers/layers.json', Buffer.from('[]'))
      await pull(dir)
    }
  })
})

async function bytesOf(dir: Dir, path: string): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of dir.read(path)) parts.push(chunk)
  return Buffer.concat(parts)
}

test('a place for the headers that cannot be made is an error like any other', async () => {
  const dir = memoryDir({ directories: ['diff'] })
  const write: Dir['write'] = (path, ...rest) =>
    path === 'tar-split.gz' ? Promise.reject(new Error('no room')) : dir.write(path, ...rest)
  const failing = stageLayer({ ...dir, write }, tarOf([file('a', 'a')]))
  await expect(failing).rejects.toThrow('no room')
  // Errors of streams that nobody listens to end a process a little later.
  await new Promise((resolve) => setTimeout(resolve, 20))
})
