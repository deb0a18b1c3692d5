import assert from 'node:assert/strict'
import type { Bytes, Dir, Meta } from '@bootc-sdk/core'
import { readText } from '@bootc-sdk/core/testing'
import { allOf, bytesOf, methodMatches, rejectsWith } from './checks.js'
import { group, type Runner } from './runner.js'

export interface DirSuiteOptions extends Runner {
  /** For test names. */
  readonly name: string
  /** An empty directory. */
  readonly create: () => Promise<{ readonly dir: Dir; readonly dispose?: () => Promise<void> }>
}

/** Files: what everything else relies on. */
export function dirSuite(options: DirSuiteOptions): void {
  const test = (title: string, run: (dir: Dir) => Promise<void>) =>
    options.test(title, async () => {
      const { dir, dispose } = await options.create()
      try {
        await run(dir)
      } finally {
        await dispose?.()
      }
    })
  const put = (dir: Dir, path: string, text = path, meta: Meta = {}) =>
    dir.write(path, Buffer.from(text), meta)

  group(options, `${options.name}: directory`, () => {
    test('methods are there exactly when they are claimed', async (dir) => {
      assert.ok(Object.isFrozen(dir.supports))
      methodMatches(dir.supports.immutable, dir.setImmutable, 'setImmutable')
      methodMatches(dir.supports.verity, dir.enableVerity, 'enableVerity')
      methodMatches(dir.supports.verity, dir.measureVerity, 'measureVerity')
    })

    test('files are written whole, read whole and in parts', async (dir) => {
      const content = Buffer.from(Array.from({ length: 2_500_000 }, (_, i) => i % 251))
      await dir.write('big', content)
      assert.ok((await bytesOf(dir.read('big'))).equals(content))
      const part = await bytesOf(dir.read('big', { start: 1_000_001, end: 2_400_000 }))
      assert.ok(part.equals(content.subarray(1_000_001, 2_400_000)))
      assert.equal((await bytesOf(dir.read('big', { start: 2_499_990 }))).length, 10)
      assert.equal((await bytesOf(dir.read('big', { start: 3_000_000 }))).length, 0)
      await dir.write('empty', new Uint8Array())
      assert.equal((await bytesOf(dir.read('empty'))).length, 0)
    })

    test('content may come as a stream; when it fails nothing is there', async (dir) => {
      await dir.write('streamed', chunks('ab', 'c'.repeat(300_000)))
      assert.equal((await dir.stat('streamed'))?.sizeBytes, 300_002)
      await put(dir, 'kept', 'old')
      for (const atomic of [true, false]) {
        const failing = dir.write('new', failingChunks(), { atomic })
        await assert.rejects(failing, /no more/)
        assert.equal(await dir.stat('new'), undefined)
      }
      await assert.rejects(dir.write('kept', failingChunks()), /no more/)
      assert.equal(await readText(dir, 'kept'), 'old')
      assert.deepEqual(await names(dir), ['kept', 'streamed'])
    })

    test('what is read or written belongs to its owner', async (dir) => {
      const mine = Buffer.from('mine')
      await dir.write('file', mine)
      mine.fill(0)
      for await (const chunk of dir.read('file')) chunk.fill(0)
      assert.equal(await readText(dir, 'file'), 'mine')
    })

    test('writing again replaces the file, not its other names', async (dir) => {
      if (!dir.supports.hardlink) return
      for (const atomic of [true, false]) {
        await put(dir, 'a', 'old')
        await dir.link('a', `b-${atomic}`)
        await dir.write('a', Buffer.from('new'), { atomic })
        assert.equal(await readText(dir, `b-${atomic}`), 'old')
        assert.equal(await readText(dir, 'a'), 'new')
      }
    })

    test('ifExists fail leaves the entry alone', async (dir) => {
      await put(dir, 'a', 'old')
      for (const atomic of [true, false]) {
        const again = () => dir.write('a', Buffer.from('new'), { ifExists: 'fail', atomic })
        await rejectsWith(/^TREE_EXISTS$/, again)
        await dir.write(`fresh-${atomic}`, Buffer.from('x'), { ifExists: 'fail', atomic })
      }
      assert.equal(await readText(dir, 'a'), 'old')
      assert.deepEqual(await names(dir), ['a', 'fresh-false', 'fresh-true'])
    })

    test('attributes are as given, whatever the umask', async (dir) => {
      const meta = { mode: 0o2777, mtime: 1_600_000_000.5 }
      await dir.mkdir('d', meta)
      await put(dir, 'f', 'x', { mode: 0o666, mtime: 1_500_000_000 })
      const [d, f] = [await dir.stat('d'), await dir.stat('f')]
      assert.deepEqual([d?.type, d?.mode, d?.mtime], ['directory', 0o2777, 1_600_000_000.5])
      assert.deepEqual([f?.type, f?.mode, f?.mtime], ['file', 0o666, 1_500_000_000])
      await dir.setMeta('f', { mode: 0o400 })
      assert.deepEqual([(await dir.stat('f'))?.mode, (await dir.stat('f'))?.mtime], [0o400, 1_500_000_000])
    })

    test('owners can be given where they are supported; set-uid bits survive it', async (dir) => {
      if (!dir.supports.chown) return
      await put(dir, 'f', 'x', { uid: 12, gid: 34, mode: 0o4755 })
      const stat = await dir.stat('f')
      assert.deepEqual([stat?.uid, stat?.gid, stat?.mode], [12, 34, 0o4755])
      await dir.setMeta('f', { uid: 13 })
      const after = await dir.stat('f')
      assert.deepEqual([after?.uid, after?.gid, after?.mode], [13, 34, 0o4755])
      if (!dir.supports.symlink) return
      await dir.symlink('nowhere', 'l', { uid: 14, mode: 0o700 })
      assert.equal((await dir.stat('l'))?.uid, 14)
    })

    test('pipes and marks of overlayfs can be made where there is a way, under any name', async (dir) => {
      if (dir.mknod === undefined) return
      const whiteout = { type: 'char', major: 0, minor: 0 } as const
      const names = ['w', 'd/w\udcff']
      await dir.mkdir('d')
      for (const name of names) {
        await dir.mknod(name, whiteout, { mode: 0o640, mtime: 1_500_000_000 })
        const stat = await dir.stat(name)
        assert.deepEqual([stat?.type, stat?.mode, stat?.mtime], ['char', 0o640, 1_500_000_000])
      }
      await dir.mknod('p', { type: 'fifo', major: 0, minor: 0 })
      assert.equal((await dir.stat('p'))?.type, 'fifo')
      await rejectsWith(/^TREE_EXISTS$/, () => dir.mknod!('p', whiteout))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => dir.mknod!('missing/w', whiteout))
      await dir.remove('d')
      assert.deepEqual(
        (await allOf(dir.list(''))).map(({ name }) => name),
        ['p', 'w'],
      )
    })

    test('extended attributes: the whole set is replaced; unsupported ones are refused', async (dir) => {
      const xattrs = [
        { name: 'user.b', value: Buffer.from([0, 1, 255]) },
        { name: 'user.a', value: Buffer.from('text') },
      ]
      if (!dir.supports.xattrs) {
        await rejectsWith(/^TREE_UNSUPPORTED$/, () => put(dir, 'f', 'x', { xattrs }))
        assert.equal(await dir.stat('f'), undefined)
        await put(dir, 'f', 'x', { xattrs: [] })
        assert.deepEqual(await dir.xattrs('f'), [])
        return
      }
      await put(dir, 'f', 'x', { xattrs })
      const read = await dir.xattrs('f')
      assert.deepEqual(
        read.map(({ name, value }) => [name, Buffer.from(value).toString('hex')]),
        [
          ['user.a', '74657874'],
          ['user.b', '0001ff'],
        ],
      )
      await dir.setMeta('f', { xattrs: [{ name: 'user.c', value: Buffer.from('') }] })
      assert.deepEqual(
        (await dir.xattrs('f')).map(({ name }) => name),
        ['user.c'],
      )
    })

    test('entries are listed in byte order, names of any bytes', async (dir) => {
      const unusual = ['a', 'B', 'a.b', 'a\nb', '\u00e9', '\udcff\udc80', '\u{1f600}', '\uff5e', '-f', ' ']
      for (const name of unusual) await put(dir, name)
      const listed = await names(dir)
      const order = ['\n', ' ']
      assert.deepEqual(listed, [
        ' ',
        '-f',
        'B',
        'a',
        'a\nb',
        'a.b',
        '\u00e9',
        '\uff5e',
        '\u{1f600}',
        '\udcff\udc80',
      ])
      void order
      for (const name of unusual) assert.equal((await dir.stat(name))?.type, 'file', JSON.stringify(name))
      for (const name of unusual) await dir.remove(name)
      assert.deepEqual(await names(dir), [])
    })

    test('what is missing is undefined for stat, an error for the rest', async (dir) => {
      await put(dir, 'file')
      for (const path of ['missing', 'missing/below', 'file/below']) {
        assert.equal(await dir.stat(path), undefined)
        await dir.remove(path)
      }
      await rejectsWith(/^TREE_NOT_FOUND$/, () => allOf(dir.list('missing')))
      await rejectsWith(/^TREE_NOT_DIRECTORY$/, () => allOf(dir.list('file')))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => bytesOf(dir.read('missing')))
      await rejectsWith(/^TREE_NOT_FILE$/, () => bytesOf(dir.read('')))
      await rejectsWith(/^TREE_NOT_SYMLINK$/, () => dir.readlink('file'))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => dir.mkdir('missing/below'))
      await rejectsWith(/^TREE_NOT_DIRECTORY$/, () => dir.mkdir('file/below'))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => put(dir, 'missing/below'))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => dir.rename('missing', 'b'))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => dir.setMeta('missing', { mode: 0o644 }))
      await rejectsWith(/^TREE_NOT_FOUND$/, async () => dir.sub('missing'))
      await rejectsWith(/^TREE_NOT_DIRECTORY$/, async () => dir.sub('file'))
      await rejectsWith(/^TREE_EXISTS$/, () => dir.mkdir('file'))
      await rejectsWith(/^TREE_EXISTS$/, () => dir.mkdir(''))
    })

    test('paths that lead out are refused', async (dir) => {
      for (const path of ['/etc', '../x', 'a/../../x', 'a\0b']) {
        await rejectsWith(/^TREE_INVALID_PATH$/, () => dir.stat(path))
        await rejectsWith(/^TREE_INVALID_PATH$/, () => put(dir, path))
        await rejectsWith(/^TREE_INVALID_PATH$/, () => dir.remove(path))
      }
      await rejectsWith(/^TREE_INVALID_PATH$/, () => dir.remove(''))
      await rejectsWith(/^TREE_INVALID_PATH$/, () => dir.rename('', 'x'))
    })

    test('symbolic links are kept as they are and never followed', async (dir) => {
      if (!dir.supports.symlink) {
        await rejectsWith(/^TREE_UNSUPPORTED$/, () => dir.symlink('a', 'b'))
        return
      }
      await dir.mkdir('real')
      await put(dir, 'real/file', 'content')
      await dir.symlink('real', 'link')
      await dir.symlink('/', 'root')
      await dir.symlink('real/file', 'file-link')
      assert.equal(await dir.readlink('link'), 'real')
      const stat = await dir.stat('link')
      assert.deepEqual([stat?.type, stat?.sizeBytes], ['symlink', 4])
      const escapes: (() => Promise<unknown>)[] = [
        () => dir.stat('link/file'),
        () => bytesOf(dir.read('link/file')),
        () => allOf(dir.list('link')),
        () => put(dir, 'link/new'),
        () => dir.mkdir('root/new-directory-of-bootc-sdk'),
        () => dir.remove('link/file'),
        () => dir.rename('real/file', 'link/moved'),
        () => dir.link('link/file', 'x'),
        () => dir.copy('link/file', 'x'),
        () => dir.setMeta('link/file', { mode: 0o600 }),
        () => dir.lock('link/file', { exclusive: true }),
        async () => dir.sub('link'),
      ]
      for (const escape of escapes) await rejectsWith(/^TREE_ESCAPE$/, escape)
      await rejectsWith(/^TREE_NOT_FILE$/, () => bytesOf(dir.read('file-link')))
      await put(dir, 'file-link', 'replaced')
      assert.equal((await dir.stat('file-link'))?.type, 'file')
      await dir.write('link', Buffer.from('x'), { atomic: false })
      assert.equal((await dir.stat('link'))?.type, 'file')
      assert.equal(await readText(dir, 'real/file'), 'content')
      await rejectsWith(/^TREE_EXISTS$/, () => dir.symlink('a', 'root'))
      await dir.remove('root')
      assert.deepEqual(await names(dir), ['file-link', 'link', 'real'])
    })

    test('a removed tree is gone with all it had, and links in it are not followed', async (dir) => {
      await put(dir, 'outside')
      await dir.mkdir('t')
      await dir.mkdir('t/d', { mode: 0o755 })
      await put(dir, 't/d/f')
      if (dir.supports.symlink) await dir.symlink('../outside', 't/link')
      if (dir.supports.symlink) await dir.symlink('..', 't/d/up')
      await dir.setMeta('t/d', { mode: 0o000 })
      await dir.setMeta('t', { mode: 0o500 })
      await dir.remove('t')
      assert.deepEqual(await names(dir), ['outside'])
    })

    test('fs-verity is measured once it is enabled, and belongs to the file, not the name', async (dir) => {
      if (dir.enableVerity === undefined || dir.measureVerity === undefined) return
      const digests = {
        sha256: '1e2eaa4202d750a41174ee454970b92c1bc2f925b1e35076d8c7d5f56362ba64',
        sha512:
          '18430270729d162d4e469daca123ae61893db4b0583d8f7081e3bf4f92b88ba514e7982f10733fb6aa895195c5ae8fd2eb2c47a8be05513ce5a0c51a6f570409',
      }
      for (const algorithm of ['sha256', 'sha512'] as const) {
        await put(dir, algorithm, 'hello world')
        assert.equal(await dir.measureVerity(algorithm), undefined)
        assert.equal(await dir.enableVerity(algorithm, algorithm), 'enabled')
        assert.equal(await dir.enableVerity(algorithm, algorithm), 'already')
        assert.deepEqual(await dir.measureVerity(algorithm), { algorithm, digest: digests[algorithm] })
        assert.equal(await readText(dir, algorithm), 'hello world')
      }
      await dir.rename('sha256', 'moved')
      assert.equal((await dir.measureVerity('moved'))?.digest, digests.sha256)
      await put(dir, 'moved', 'hello world')
      assert.equal(await dir.measureVerity('moved'), undefined)
      await dir.mkdir('d')
      await rejectsWith(/^TREE_NOT_FILE$/, () => dir.enableVerity!('d', 'sha256'))
      await rejectsWith(/^TREE_NOT_FOUND$/, () => dir.measureVerity!('missing'))
    })

    test('immutable entries refuse change, and remove clears what it meets', async (dir) => {
      if (dir.setImmutable === undefined) return
      await dir.mkdir('t')
      await put(dir, 't/f')
      await dir.setImmutable('t', true)
      await rejectsWith(/^TREE_PERMISSION$/, () => put(dir, 't/g'))
      await rejectsWith(/^TREE_PERMISSION$/, () => dir.remove('t/f'))
      await rejectsWith(/^TREE_PERMISSION$/, () => dir.rename('t', 'u'))
      assert.equal(await readText(dir, 't/f'), 't/f')
      await dir.remove('t')
      assert.equal(await dir.stat('t'), undefined)
    })

    test('rename moves, replaces files and empty directories, and keeps the rest', async (dir) => {
      await put(dir, 'a', 'A')
      await put(dir, 'b', 'B')
      await dir.rename('a', 'b')
      assert.equal(await readText(dir, 'b'), 'A')
      await dir.mkdir('d')
      await dir.mkdir('full')
      await put(dir, 'full/f')
      await rejectsWith(/^TREE_/, () => dir.rename('b', 'full'))
      await rejectsWith(/^TREE_(NOT_EMPTY|EXISTS)$/, () => dir.rename('d', 'full'))
      await dir.rename('full', 'd')
      assert.equal(await readText(dir, 'd/f'), 'full/f')
      await rejectsWith(/^TREE_/, () => dir.rename('d', 'd/inside'))
    })

    test('noReplace and exchange', async (dir) => {
      await put(dir, 'a', 'A')
      await put(dir, 'b', 'B')
      await rejectsWith(/^TREE_EXISTS$/, () => dir.rename('a', 'b', { noReplace: true }))
      await dir.rename('a', 'c', { noReplace: true })
      assert.deepEqual(await names(dir), ['b', 'c'])
      await dir.mkdir('d')
      if (!dir.supports.exchange) {
        await rejectsWith(/^TREE_UNSUPPORTED$/, () => dir.rename('b', 'd', { exchange: true }))
        return
      }
      await dir.rename('b', 'd', { exchange: true })
      assert.equal(await readText(dir, 'd'), 'B')
      assert.equal((await dir.stat('b'))?.type, 'directory')
      await rejectsWith(/^TREE_NOT_FOUND$/, () => dir.rename('b', 'missing', { exchange: true }))
    })

    test('hard links share one inode', async (dir) => {
      await put(dir, 'a')
      if (!dir.supports.hardlink) {
        await rejectsWith(/^TREE_UNSUPPORTED$/, () => dir.link('a', 'b'))
        return
      }
      await dir.link('a', 'b')
      const [a, b] = [await dir.stat('a'), await dir.stat('b')]
      assert.deepEqual([a?.ino, a?.dev, a?.nlink], [b?.ino, b?.dev, 2])
      await rejectsWith(/^TREE_EXISTS$/, () => dir.link('a', 'b'))
      await dir.remove('a')
      assert.equal((await dir.stat('b'))?.nlink, 1)
    })

    test('a copy has the content and its own attributes', async (dir) => {
      await put(dir, 'a', 'content', { mode: 0o600 })
      await dir.copy('a', 'b', { mode: 0o640, mtime: 7 })
      const stat = await dir.stat('b')
      assert.deepEqual([await readText(dir, 'b'), stat?.mode, stat?.mtime], ['content', 0o640, 7])
      await rejectsWith(/^TREE_EXISTS$/, () => dir.copy('a', 'b', { ifExists: 'fail' }))
      await dir.write('a', Buffer.from('changed'))
      assert.equal(await readText(dir, 'b'), 'content')
    })

    test('a view of a directory below has a root of its own', async (dir) => {
      await dir.mkdir('d')
      const sub = dir.sub('d')
      await put(sub, 'f', 'x')
      assert.equal(await readText(dir, 'd/f'), 'x')
      await rejectsWith(/^TREE_INVALID_PATH$/, () => sub.stat('../d'))
      await sub.sync()
      assert.equal(sub.hostPath, dir.hostPath === undefined ? undefined : `${dir.hostPath}/d`)
    })

    test('space and sync answer', async (dir) => {
      const { freeBytes, totalBytes } = await dir.space()
      assert.ok(freeBytes > 0 && totalBytes >= freeBytes)
      await put(dir, 'f')
      await dir.sync()
    })

    for (const path of ['lock-file', 'directory', '']) {
      test(`locks exclude each other as asked: ${path === '' ? 'the root' : path}`, async (dir) => {
        if (path === 'directory') await dir.mkdir(path)
        const shared = await dir.lock(path, { exclusive: false })
        const second = await dir.lock(path, { exclusive: false, timeoutMs: 0 })
        await rejectsWith(/^TREE_LOCKED$/, () => dir.lock(path, { exclusive: true, timeoutMs: 0 }))
        await second[Symbol.asyncDispose]()
        await second[Symbol.asyncDispose]()
        const events: string[] = []
        const timed = dir.lock(path, {
          ...{ exclusive: true, timeoutMs: 500 },
          onProgress: ({ type }) => events.push(type),
        })
        await rejectsWith(/^TREE_LOCKED$/, () => timed)
        assert.deepEqual(events, ['lock:waiting'])
        const waiting = dir.lock(path, { exclusive: true })
        await shared[Symbol.asyncDispose]()
        const held = await waiting
        await rejectsWith(/^TREE_LOCKED$/, () => dir.lock(path, { exclusive: false, timeoutMs: 0 }))
        const controller = new AbortController()
        const aborted = dir.lock(path, { exclusive: true, signal: controller.signal })
        const reason = new Error('no longer wanted')
        controller.abort(reason)
        await assert.rejects(aborted, (error) => error === reason)
        await held[Symbol.asyncDispose]()
      })
    }

    test('a lock file is made with mode 0660 at most', async (dir) => {
      await (await dir.lock('lock', { exclusive: true }))[Symbol.asyncDispose]()
      const stat = await dir.stat('lock')
      assert.equal(stat?.type, 'file')
      assert.equal((stat?.mode ?? 0o777) & ~0o660, 0)
    })
  })
}

async function names(dir: Dir): Promise<string[]> {
  return (await allOf(dir.list(''))).map(({ name }) => name)
}

async function* chunks(...texts: string[]): Bytes {
  for (const text of texts) yield Buffer.from(text)
}

async function* failingChunks(): Bytes {
  yield Buffer.from('some')
  throw new Error('no more')
}
