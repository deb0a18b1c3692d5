import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isBootcError, type Dir } from '@bootc-sdk/core'
import { filePaths, memoryDir } from '@bootc-sdk/core/testing'
import { verityDigest } from '../../src/format/verity.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { directory, Inode, S_IFREG, type FileTree } from '../../src/tree/inode.js'
import { initComposefsRepo, openComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { backings, readAll, temporaryDir } from './backings.js'

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (isBootcError(error) ? error.code : String(error)),
  )

async function names(dir: Dir, path: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of dir.list(path)) found.push(name)
  return found
}

const content = (seed: string, length: number): Buffer => {
  const block = createHash('sha512').update(seed).digest()
  return Buffer.alloc(length, block)
}

function treeOf(id: string, size: number): FileTree {
  const root = directory()
  const file = new Inode(S_IFREG | 0o644)
  file.size = size
  file.digest = id
  file.payload = `${id.slice(0, 2)}/${id.slice(2)}`
  file.nlink = 1
  root.children!.set('file', file)
  root.nlink = 2
  return { root }
}

describe.each(backings)('a transaction, in $name', ({ make, native }) => {
  async function withRepo(
    work: (repo: ComposefsRepo, dir: Dir) => Promise<void>,
    options: { algorithm?: 'sha256' | 'sha512' } = {},
  ): Promise<void> {
    await using place = await make()
    await using repo = await initComposefsRepo(place.dir, { native, ...options })
    await work(repo, place.dir)
  }

  it.each(['sha256', 'sha512'] as const)('stores bytes under their fs-verity digest: %s', (algorithm) =>
    withRepo(
      async (repo) => {
        const files = [0, 1, 64, 65, 4096, 4097, 300_000, 3_000_000].map((n) => content(`${n}`, n))
        await using transaction = await repo.begin()
        const writer = transaction.objects()
        for (const [index, file] of files.entries()) {
          if (index % 2 === 0) {
            expect(writer.put(file)).toBe(index)
          } else {
            expect(writer.begin(file.length)).toBe(index)
            for (let at = 0; at < file.length; at += 70_000)
              writer.data(index, file.subarray(at, at + 70_000))
            writer.end(index)
          }
          if (writer.full) await writer.drain()
        }
        const taken = [...writer.take()]
        const ids = [...taken, ...(await writer.finish())]
        expect(ids).toEqual(files.map((file) => verityDigest(file, algorithm)))
        for (const id of ids) expect(await repo.hasObject(id)).toBe(false)
        await transaction.commit()
        for (const [index, id] of ids.entries()) {
          expect(await repo.hasObject(id, files[index]!.length)).toBe(true)
          expect(await repo.hasObject(id, files[index]!.length + 1)).toBe(false)
          expect((await repo.readObject(id, 4_000_000)).equals(files[index]!)).toBe(true)
          const range = { start: 10, end: 20 }
          expect(await readAll(repo.openObject(id, range))).toEqual(files[index]!.subarray(10, 20))
        }
        expect((await repo.fsck()).problems).toEqual([])
      },
      { algorithm },
    ),
  )

  it('gives object files the modes that composefs-rs gives', () =>
    withRepo(async (repo, dir) => {
      await using transaction = await repo.begin()
      const writer = transaction.objects()
      writer.put(content('small', 100))
      const [first] = await writer.finish()
      const second = await transaction.putObject(content('other', 100))
      await transaction.commit()
      for (const id of [first!, second]) {
        const prefix = `objects/${id.slice(0, 2)}`
        expect((await dir.stat(`${prefix}/${id.slice(2)}`))!.mode).toBe(0o644)
        expect((await dir.stat(prefix))!.mode).toBe(0o755)
      }
    }))

  it('leaves nothing behind when it is disposed', () =>
    withRepo(async (repo, dir) => {
      const before = await filePaths(dir)
      {
        await using transaction = await repo.begin()
        const writer = transaction.objects()
        writer.put(content('a', 10_000))
        writer.begin(100)
        writer.data(1, content('b', 50))
        await transaction.putObject(content('c', 100))
        transaction.splitstream(1n).inline(content('d', 100))
        transaction.setStream('x', 'ab'.repeat(64))
      }
      expect(await filePaths(dir)).toEqual(before)
      expect((await names(dir, 'objects')).filter((name) => name.startsWith('.'))).toEqual([])
    }))

  it('makes what was flushed visible before its end', () =>
    withRepo(async (repo) => {
      await using transaction = await repo.begin()
      const open = transaction.objects()
      open.begin(10)
      const writer = transaction.objects()
      writer.put(content('a', 1000))
      const [id] = await writer.finish()
      const stream = transaction.splitstream(7n)
      stream.inline(Buffer.from('head'))
      stream.external(id!, 1000)
      const streamId = await stream.finish()
      transaction.setStream('oci-layer-sha256:1', streamId)
      transaction.setRef('streams', 'keep', 'oci-layer-sha256:1')
      await transaction.flush()
      expect(await repo.stream('oci-layer-sha256:1')).toBe(streamId)
      expect(await repo.readRef('streams', 'keep')).toBeUndefined()
      const reader = await repo.openStream(streamId)
      expect(reader.contentType).toBe(7n)
      const expected = Buffer.concat([Buffer.from('head'), content('a', 1000)])
      expect(await readAll(reader.read())).toEqual(expected)
      open.data(0, content('z', 10))
      open.end(0)
      const [late] = await open.finish()
      await transaction.commit()
      expect(await repo.hasObject(late!)).toBe(true)
      expect(await repo.readRef('streams', 'keep')).toBe('oci-layer-sha256:1')
    }))

  it('writes links as composefs-rs does, and replaces them', () =>
    withRepo(async (repo, dir) => {
      const ids: string[] = []
      for (const seed of ['one', 'two']) {
        await using transaction = await repo.begin()
        const stream = transaction.splitstream(0x1234567890abcdefn)
        stream.inline(Buffer.from(seed))
        stream.namedRef('sha256:abc', await transaction.putObject(Buffer.from(`${seed} named`)))
        ids.push(await stream.finish())
        transaction.setStream('oci-manifest-sha256:5', ids.at(-1)!)
        transaction.setRef('streams', 'oci/a%2Fb:c', 'oci-manifest-sha256:5')
        transaction.setRef('streams', 'top', 'oci-manifest-sha256:5')
        await transaction.commit()
      }
      const id = ids[1]!
      const target = `../objects/${id.slice(0, 2)}/${id.slice(2)}`
      expect(await dir.readlink('streams/oci-manifest-sha256:5')).toBe(target)
      expect(await dir.readlink('streams/refs/oci/a%2Fb:c')).toBe('../../oci-manifest-sha256:5')
      expect(await dir.readlink('streams/refs/top')).toBe('../oci-manifest-sha256:5')
      const refs: unknown[] = []
      for await (const ref of repo.listRefs('streams')) refs.push(ref)
      expect(refs).toEqual([
        { name: 'oci/a%2Fb:c', target: 'oci-manifest-sha256:5' },
        { name: 'top', target: 'oci-manifest-sha256:5' },
      ])
      await using transaction = await repo.begin()
      transaction.setRef('streams', 'top', undefined)
      transaction.setRef('streams', 'never-was', undefined)
      await transaction.commit()
      expect(await repo.readRef('streams', 'top')).toBeUndefined()
      expect((await repo.fsck()).problems).toEqual([])
    }))

  it('stores no image that nobody could read', () =>
    withRepo(async (repo) => {
      const root = directory()
      const large = Buffer.alloc(1 << 20)
      for (let i = 0; i <= 1024; i++) {
        const file = new Inode(S_IFREG | 0o644)
        file.content = large
        file.size = large.length
        root.children!.set(`f${i}`, file)
      }
      await using transaction = await repo.begin()
      expect(await codeOf(transaction.putImage({ root }))).toBe('STORE_COMPOSEFS_INVALID')
    }))

  it('stores an image and lists it', () =>
    withRepo(async (repo, dir) => {
      await using transaction = await repo.begin()
      const file = await transaction.putObject(content('file', 5000))
      const image = await transaction.putImage(treeOf(file, 5000))
      const second = await transaction.putImage(treeOf(file, 5000), 2)
      transaction.setRef('images', 'os/main', image)
      expect(await repo.hasImage(image)).toBe(false)
      await transaction.commit()
      expect(await repo.hasImage(image)).toBe(true)
      expect(await repo.hasImage(file)).toBe(false)
      const listed: string[] = []
      for await (const id of repo.listImages()) listed.push(id)
      expect(listed).toEqual([image, second].sort())
      const read = readErofs(await repo.readObject(image, 1 << 20))
      expect(read.version).toBe(1)
      expect([...read.objects()].map(({ digest }) => digest)).toEqual([file])
      expect(await dir.readlink('images/refs/os/main')).toBe(`../../${image}`)
      expect((await repo.fsck()).problems).toEqual([])
    }))

  it('keeps an object that is there, and replaces one that a power cut made shorter', () =>
    withRepo(async (repo, dir) => {
      const data = [content('a', 20_000), content('b', 20_000)]
      const put = async () => {
        await using transaction = await repo.begin()
        const writer = transaction.objects()
        for (const one of data) writer.put(one)
        const [id] = await writer.finish()
        const other = await transaction.putObject(data[1]!)
        await transaction.commit()
        return [id!, other]
      }
      const ids = await put()
      const at = (id: string) => `objects/${id.slice(0, 2)}/${id.slice(2)}`
      const inodes = await Promise.all(ids.map(async (id) => (await dir.stat(at(id)))!.ino))
      expect(await put()).toEqual(ids)
      expect(await Promise.all(ids.map(async (id) => (await dir.stat(at(id)))!.ino))).toEqual(inodes)
      for (const id of ids) await dir.write(at(id), data[0]!.subarray(0, 4096))
      expect((await repo.fsck()).objects.bad).toBe(2)
      expect(await put()).toEqual(ids)
      expect((await repo.fsck()).problems).toEqual([])
    }))

  it('stores files of a tree', () =>
    withRepo(async (repo) => {
      const source = memoryDir()
      await source.write('file', content('from a tree', 70_000))
      await using host = await temporaryDir()
      writeFileSync(join(host.path, 'file'), content('from the host', 70_000))
      await using transaction = await repo.begin()
      const one = await transaction.putFile({ tree: source, path: 'file' })
      const hostPath = join(host.path, 'file')
      const two = await transaction.putFile({ tree: host.dir, path: 'file', hostPath })
      expect(await codeOf(transaction.putFile({ tree: source, path: 'no' }))).toBe('TREE_NOT_FOUND')
      await transaction.commit()
      expect(one.sizeBytes).toBe(70_000)
      expect(await repo.readObject(one.id, 1 << 20)).toEqual(content('from a tree', 70_000))
      expect(await repo.readObject(two.id, 1 << 20)).toEqual(content('from the host', 70_000))
    }))

  it('refuses what cannot be a name, and references to nothing', () =>
    withRepo(async (repo, dir) => {
      await using transaction = await repo.begin()
      const id = await transaction.putObject(Buffer.from('x'))
      for (const name of ['', '.', '..', 'a/b', 'refs', 'a\0b', 'x'.repeat(256)]) {
        expect(() => transaction.setStream(name, id), name).toThrow()
      }
      for (const name of ['', '/a', 'a/', 'a//b', '../a', 'a/../b', 'a/./b']) {
        expect(() => transaction.setRef('streams', name, 'x'), name).toThrow()
        expect(await codeOf(repo.readRef('streams', name)), name).toBe('STORE_COMPOSEFS_INVALID')
      }
      expect(() => transaction.setRef('images', 'a', '../x')).toThrow()
      expect(() => transaction.setStream('a', '../../etc')).toThrow()
      const before = await filePaths(dir)
      transaction.setRef('streams', 'oci/x', 'oci-manifest-sha256:none')
      expect(await codeOf(transaction.commit())).toBe('STORE_COMPOSEFS_NO_STREAM')
      expect((await filePaths(dir)).filter((path) => path.includes('refs'))).toEqual(
        before.filter((path) => path.includes('refs')),
      )
      await using second = await repo.begin()
      second.setStream('s', 'ab'.repeat(64))
      expect(await codeOf(second.commit())).toBe('STORE_COMPOSEFS_NO_OBJECT')
      await using third = await repo.begin()
      third.setRef('images', 'x', 'ab'.repeat(64))
      expect(await codeOf(third.commit())).toBe('STORE_COMPOSEFS_NO_IMAGE')
    }))

  it('refuses a reference where there is a directory of references, and the other way round', () =>
    withRepo(async (repo) => {
      await using transaction = await repo.begin()
      const stream = transaction.splitstream(1n)
      transaction.setStream('s', await stream.finish())
      transaction.setRef('streams', 'a/b', 's')
      await transaction.commit()
      for (const name of ['a', 'a/b/c']) {
        await using next = await repo.begin()
        next.setRef('streams', name, 's')
        expect(await codeOf(next.commit()), name).toBe('STORE_COMPOSEFS_INVALID')
      }
      expect((await repo.fsck()).problems).toEqual([])
    }))

  it('ends once', () =>
    withRepo(async (repo) => {
      const transaction = await repo.begin()
      await transaction.commit()
      const done = 'STORE_COMPOSEFS_TRANSACTION_DONE'
      expect(await codeOf(transaction.commit())).toBe(done)
      expect(await codeOf(transaction.putObject(Buffer.from('x')))).toBe(done)
      expect(() => transaction.objects()).toThrow()
      await transaction[Symbol.asyncDispose]()
    }))

  it('refuses to commit while a writer is open', () =>
    withRepo(async (repo, dir) => {
      await using transaction = await repo.begin()
      transaction.objects().put(Buffer.from('x'))
      expect(await codeOf(transaction.commit())).toBe('STORE_COMPOSEFS_INVALID')
      expect((await names(dir, 'objects')).filter((name) => name.startsWith('.'))).toEqual([])
    }))

  it('says when less or more comes than was announced', () =>
    withRepo(async (repo) => {
      for (const length of [3, 5]) {
        await using transaction = await repo.begin()
        const writer = transaction.objects()
        const index = writer.begin(4)
        const work = async () => {
          writer.data(index, Buffer.alloc(length))
          writer.end(index)
          await writer.finish()
        }
        expect(await codeOf(work())).toBe('STORE_COMPOSEFS_INVALID')
      }
    }))

  it('changes nothing once it is aborted', () =>
    withRepo(async (repo, dir) => {
      const controller = new AbortController()
      const before = await filePaths(dir)
      const transaction = await repo.begin({ signal: controller.signal })
      await transaction.putObject(content('x', 1000))
      controller.abort(new Error('stop'))
      await expect(transaction.commit()).rejects.toThrow('stop')
      expect(await filePaths(dir)).toEqual(before)
    }))

  it('lets several write at once', () =>
    withRepo(async (repo) => {
      const shared = content('shared', 5000)
      const work = async (seed: string) => {
        await using transaction = await repo.begin()
        const writers = [transaction.objects(), transaction.objects()]
        for (let i = 0; i < 20; i++)
          for (const writer of writers) writer.put(content(`${seed}${i}`, 1000 + i))
        for (const writer of writers) writer.put(shared)
        await Promise.all(writers.map((writer) => writer.finish()))
        await transaction.commit()
      }
      await Promise.all([work('a'), work('b'), work('a')])
      const report = await repo.fsck()
      expect(report.problems).toEqual([])
      expect(report.objects.checked).toBe(41)
    }))

  it('cannot be committed after a flush that failed', () =>
    withRepo(async (repo) => {
      await using transaction = await repo.begin()
      transaction.setStream('s', 'ab'.repeat(64))
      expect(await codeOf(transaction.flush())).toBe('STORE_COMPOSEFS_NO_OBJECT')
      await transaction.putObject(Buffer.from('x'))
      expect(await codeOf(transaction.flush())).toBe('STORE_COMPOSEFS_NO_OBJECT')
      expect(await codeOf(transaction.commit())).toBe('STORE_COMPOSEFS_NO_OBJECT')
    }))

  it('begins in a repository that has nothing but meta.json', () =>
    withRepo(async (repo, dir) => {
      await dir.remove('objects')
      expect((await repo.fsck()).problems).toEqual([])
      expect((await repo.gc()).objects).toBe(0)
      await using transaction = await repo.begin()
      const id = await transaction.putObject(Buffer.from('first'))
      await transaction.commit()
      expect(await repo.hasObject(id)).toBe(true)
    }))

  it('removes what a dead process left, and nothing of a living one', () =>
    withRepo(async (repo, dir) => {
      await dir.mkdir('objects/.bootc-sdk-dead')
      await dir.write('objects/.bootc-sdk-dead/part-0', Buffer.from('x'))
      await using first = await repo.begin()
      const id = await first.putObject(Buffer.from('alive'))
      await using second = await repo.begin()
      await second.commit()
      expect(await names(dir, 'objects')).not.toContain('.bootc-sdk-dead')
      await first.commit()
      expect(await repo.hasObject(id)).toBe(true)
    }))

  it('reads the same stream from both ways of writing it', () =>
    withRepo(async (repo) => {
      await using transaction = await repo.begin()
      const stream = transaction.splitstream(3n)
      const parts: Buffer[] = []
      const writer = transaction.objects()
      for (let i = 0; i < 300; i++) writer.put(content(`${i % 40}`, 100 + (i % 40)))
      const ids = await writer.finish()
      for (const [i, id] of ids.entries()) {
        const head = content(`head ${i}`, (i * 37) % 2000)
        const data = content(`${i % 40}`, 100 + (i % 40))
        stream.inline(head.subarray(0, 100))
        stream.inline(head.subarray(100))
        stream.external(id, data.length)
        parts.push(head, data)
      }
      stream.inline(content('long', 700_000))
      parts.push(content('long', 700_000))
      const id = await stream.finish()
      transaction.setStream('s', id)
      await transaction.commit()
      const reader = await repo.openStream(id)
      expect(reader.objectRefs).toHaveLength(40)
      expect(new Set(ids)).toEqual(new Set(reader.objectRefs))
      const whole = Buffer.concat(parts)
      expect(reader.sizeBytes).toBe(whole.length)
      expect((await readAll(reader.read())).equals(whole)).toBe(true)
    }))
})

describe('a repository without space', () => {
  it('says so, and publishes nothing by halves', async () => {
    const dir = memoryDir({ capacityBytes: 100_000 })
    await using repo = await initComposefsRepo(dir, { native: false })
    const before = await filePaths(dir)
    const transaction = await repo.begin()
    const writer = transaction.objects()
    writer.put(content('a', 50_000))
    writer.put(content('b', 80_000))
    expect(await codeOf(writer.finish())).toBe('STORE_NO_SPACE')
    await transaction[Symbol.asyncDispose]()
    expect(await filePaths(dir)).toEqual(before)
    await using next = await repo.begin()
    await next.putObject(content('c', 200_000))
    expect(await codeOf(next.commit())).toBe('STORE_NO_SPACE')
    expect(await filePaths(dir)).toEqual(before)
    await using last = await repo.begin()
    const id = await last.putObject(content('d', 50_000))
    await last.commit()
    expect(await repo.hasObject(id)).toBe(true)
  })
})

describe('a large splitstream without a compressor', () => {
  it('is spooled, and reads back', async () => {
    const dir = memoryDir()
    await using repo = await initComposefsRepo(dir, { native: false })
    await using transaction = await repo.begin()
    const stream = transaction.splitstream(1n)
    const id = await transaction.putObject(Buffer.from('object'))
    const hash = createHash('sha256')
    // Noise, so that it stays large whatever compressor there is.
    for (let i = 0; i < 12; i++) {
      const noise = Buffer.concat(
        Array.from({ length: 16_384 }, (_, j) => createHash('sha512').update(`${i} ${j}`).digest()),
      )
      stream.inline(noise)
      hash.update(noise)
      stream.external(id, 6)
      hash.update('object')
      await new Promise((resolve) => setImmediate(resolve))
    }
    const streamId = await stream.finish()
    await transaction.commit()
    expect((await repo.objectSize(streamId))!).toBeGreaterThan(9 << 20)
    const again = createHash('sha256')
    for await (const chunk of (await repo.openStream(streamId)).read()) again.update(chunk)
    expect(again.digest('hex')).toBe(hash.digest('hex'))
    expect((await names(dir, 'objects')).filter((name) => name.startsWith('.'))).toEqual([])
  })
})

describe('a repository that requires fs-verity', () => {
  it('has it on every object, and says when one lacks it', async () => {
    const dir = memoryDir({ supports: { verity: true } })
    await using repo = await initComposefsRepo(dir, { native: false, requireVerity: true })
    expect(repo.verity).toEqual({ mode: 'required' })
    await using transaction = await repo.begin()
    const writer = transaction.objects()
    writer.put(content('a', 5000))
    writer.begin(4)
    writer.data(1, Buffer.from('four'))
    writer.end(1)
    const ids = [...(await writer.finish()), await transaction.putObject(Buffer.from('x'))]
    await transaction.commit()
    for (const id of ids) {
      const path = `objects/${id.slice(0, 2)}/${id.slice(2)}`
      expect((await dir.measureVerity!(path))?.digest).toBe(id)
    }
    expect((await repo.fsck()).problems).toEqual([])
    const bad = `objects/${ids[0]!.slice(0, 2)}/${ids[0]!.slice(2)}`
    await dir.remove(bad)
    await dir.write(bad, content('a', 5000))
    expect(await codeOf(readAll(repo.openObject(ids[0]!)))).toBe('STORE_COMPOSEFS_VERITY')
    expect((await repo.fsck()).problems).toEqual([{ kind: 'object-verity-missing', path: bad, message: '' }])
    await using tolerant = await openComposefsRepo(dir, { native: false, allowMissingVerity: true })
    expect(await tolerant.readObject(ids[0]!, 5000)).toEqual(content('a', 5000))
  })
})
