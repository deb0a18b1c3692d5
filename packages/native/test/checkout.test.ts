import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addon, describeNative, isRoot, packXattrs, sampleBytes, scratch } from './support.js'

describeNative('checkout', () => {
  const dir = scratch()
  const objectsDir = join(dir, 'objects')
  mkdirSync(join(objectsDir, 'aa'), { recursive: true })
  const content = sampleBytes(300_000)
  writeFileSync(join(objectsDir, 'aa/1.file'), content)
  chmodSync(join(objectsDir, 'aa/1.file'), 0o755)
  writeFileSync(join(objectsDir, 'aa/empty.file'), '')
  symlinkSync('target of link', join(objectsDir, 'aa/link.file'))
  let count = 0
  function begin(threads = 2) {
    const targetDir = join(dir, `target${count++}`)
    mkdirSync(targetDir)
    return { targetDir, checkout: addon.createCheckout({ targetDir, objectsDir, threads }) }
  }
  const meta = { mode: 0o644 }

  test('makes directories, links, copies, symbolic links and empty files', async () => {
    const { targetDir, checkout } = begin()
    checkout.enter('usr', { mode: 0o751, mtime: 7 })
    checkout.enter('bin', { mode: 0o2711, mtime: 0 })
    checkout.link('tool', 'aa/1.file')
    checkout.link('alias', 'aa/link.file')
    checkout.copy('copy', 'aa/1.file', { mode: 0o4711, mtime: 12 })
    checkout.copy('nothing', 'aa/empty.file', meta)
    checkout.copy('copied link', 'aa/link.file', meta)
    checkout.leave()
    checkout.symlink('lib', 'bin/../über', { mode: 0o777, mtime: 5 })
    checkout.leave()
    checkout.empty('.mark', { mode: 0o600, mtime: 99 })
    expect(await checkout.run()).toEqual({ entries: 9 })

    const at = (path: string) => lstatSync(join(targetDir, path))
    expect([at('usr').mode & 0o7777, at('usr').mtimeMs]).toEqual([0o751, 7000])
    expect([at('usr/bin').mode & 0o7777, at('usr/bin').mtimeMs, at('usr/bin').atimeMs]).toEqual([
      0o2711, 0, 0,
    ])
    expect(at('usr/bin/tool').ino).toBe(statSync(join(objectsDir, 'aa/1.file')).ino)
    expect(at('usr/bin/alias').ino).toBe(lstatSync(join(objectsDir, 'aa/link.file')).ino)
    expect([at('usr/bin/copy').mode & 0o7777, at('usr/bin/copy').mtimeMs, at('usr/bin/copy').nlink]).toEqual([
      0o4711, 12_000, 1,
    ])
    expect(readFileSync(join(targetDir, 'usr/bin/copy')).equals(content)).toBe(true)
    expect(at('usr/bin/nothing').size).toBe(0)
    expect(readlinkSync(join(targetDir, 'usr/bin/copied link'))).toBe('target of link')
    expect(readlinkSync(join(targetDir, 'usr/lib'))).toBe('bin/../über')
    expect(at('usr/lib').mtimeMs).toBe(5000)
    expect([at('.mark').mode & 0o7777, at('.mark').size, at('.mark').mtimeMs]).toEqual([0o600, 0, 99_000])
  })

  const otherDisk = '/dev/shm'
  const hasOther = existsSync(otherDisk) && statSync(otherDisk).dev !== statSync(dir).dev
  test.skipIf(!hasOther)(
    'copies from another file system when attributes are given (needs /dev/shm)',
    async () => {
      const far = mkdtempSync(join(otherDisk, 'bootc-native-'))
      try {
        writeFileSync(join(far, 'file'), content)
        writeFileSync(join(far, 'empty'), '')
        symlinkSync('somewhere', join(far, 'link'))
        const { targetDir } = begin()
        const checkout = addon.createCheckout({ targetDir, objectsDir: far })
        for (const name of ['file', 'empty', 'link']) checkout.link(name, name, { mode: 0o640, mtime: 3 })
        await checkout.run()
        expect(readFileSync(join(targetDir, 'file')).equals(content)).toBe(true)
        expect(readFileSync(join(targetDir, 'empty'))).toHaveLength(0)
        expect(readlinkSync(join(targetDir, 'link'))).toBe('somewhere')
        expect([
          statSync(join(targetDir, 'file')).mode & 0o7777,
          statSync(join(targetDir, 'file')).mtimeMs,
        ]).toEqual([0o640, 3000])
        const strict = addon.createCheckout({ targetDir, objectsDir: far })
        strict.link('again', 'file')
        await expect(strict.run()).rejects.toMatchObject({ code: 'EXDEV', syscall: 'link' })
      } finally {
        rmSync(far, { recursive: true })
      }
    },
  )

  test('keeps names that are not UTF-8, escaped or as bytes', async () => {
    const { targetDir, checkout } = begin()
    const bytes = Buffer.from([0x66, 0xff, 0x80])
    checkout.empty('f\udcff\udc80' as string, meta)
    checkout.empty(Buffer.from([0xe9]) as unknown as string, meta)
    checkout.empty('ü\u{1f600}\ufffd', meta)
    await checkout.run()
    const names = readdirSync(targetDir, { encoding: 'buffer' }).map((name) => name.toString('hex'))
    expect(names.sort()).toEqual(
      [bytes.toString('hex'), 'e9', Buffer.from('ü\u{1f600}\ufffd').toString('hex')].sort(),
    )
  })

  test('makes large trees alike with any number of threads', async () => {
    const trees = []
    for (const threads of [1, 2, 5]) {
      const { targetDir, checkout } = begin(threads)
      let entries = 0
      const fill = (depth: number) => {
        for (let i = 0; i < 5; i++, entries++) checkout.link(`f${i}`, 'aa/empty.file')
        if (depth === 0) return
        for (let i = 0; i < 4; i++, entries++) {
          checkout.enter(`d${i}`, { mode: 0o700 + depth, mtime: depth })
          fill(depth - 1)
          checkout.leave()
        }
      }
      fill(4)
      let reported = 0
      expect(await checkout.run({ onProgress: (done) => (reported = done) })).toEqual({ entries })
      expect(reported).toBe(entries)
      trees.push(
        readdirSync(targetDir, { recursive: true, encoding: 'utf8' })
          .map(
            (path) =>
              `${path} ${lstatSync(join(targetDir, path)).mode} ${lstatSync(join(targetDir, path)).isDirectory() ? lstatSync(join(targetDir, path)).mtimeMs : ''}`,
          )
          .sort(),
      )
    }
    expect(trees[1]).toEqual(trees[0])
    expect(trees[2]).toEqual(trees[0])
  })

  test('a directory that may exist keeps its attributes', async () => {
    const { targetDir, checkout } = begin()
    mkdirSync(join(targetDir, 'there'), 0o700)
    checkout.enter('there', { mode: 0o755, mtime: 0 }, true)
    checkout.empty('new', meta)
    checkout.leave()
    await checkout.run()
    expect(statSync(join(targetDir, 'there')).mode & 0o7777).toBe(0o700)
    expect(readdirSync(join(targetDir, 'there'))).toEqual(['new'])
  })

  test('never goes through a symbolic link that was put in its way', async () => {
    const outside = join(dir, 'outside')
    mkdirSync(outside)
    const { targetDir, checkout } = begin()
    symlinkSync(outside, join(targetDir, 'trap'))
    checkout.enter('trap', meta, true)
    checkout.empty('escaped', meta)
    checkout.leave()
    await expect(checkout.run()).rejects.toMatchObject({ code: 'ENOTDIR', path: join(targetDir, 'trap') })
    expect(readdirSync(outside)).toEqual([])
  })

  test('names what failed', async () => {
    const cases: [(checkout: ReturnType<typeof addon.createCheckout>) => void, object][] = [
      [
        (c) => c.link('x', 'aa/none.file'),
        { code: 'ENOENT', syscall: 'link', path: join(objectsDir, 'aa/none.file') },
      ],
      [
        (c) => (c.enter('d', meta), c.empty('twice', meta), c.empty('twice', meta), c.leave()),
        { code: 'EEXIST' },
      ],
      [
        (c) => (c.enter('d', meta), c.leave(), c.enter('d', meta), c.leave()),
        { code: 'EEXIST', syscall: 'mkdir' },
      ],
      [(c) => c.copy('x', 'aa/none.file', meta), { code: 'ENOENT', syscall: 'open' }],
    ]
    for (const [plan, error] of cases) {
      const { checkout } = begin()
      plan(checkout)
      await expect(checkout.run()).rejects.toMatchObject(error)
    }
    const nowhere = addon.createCheckout({ targetDir: join(dir, 'nowhere'), objectsDir })
    await expect(nowhere.run()).rejects.toMatchObject({ code: 'ENOENT', path: join(dir, 'nowhere') })
  })

  test('refuses names that are none, and plans that do not end', () => {
    const { checkout } = begin()
    for (const name of ['', '.', '..', 'a/b', '/', 'nul\0']) {
      expect(() => checkout.empty(name, meta), JSON.stringify(name)).toThrow()
      expect(() => checkout.enter(name, meta), JSON.stringify(name)).toThrow()
    }
    expect(() => checkout.leave()).toThrow(/without enter/)
    checkout.enter('open', meta)
    expect(() => checkout.run()).toThrow(/not left/)
  })

  test.skipIf(!isRoot)('sets owners and attributes (needs root)', async () => {
    const { targetDir, checkout } = begin()
    const owned = { mode: 0o750, uid: 1000, gid: 1001, xattrs: packXattrs({ 'user.a': 'b' }) }
    checkout.enter('dir', owned)
    checkout.copy('file', 'aa/1.file', { ...owned, mode: 0o4750 })
    checkout.symlink('link', 'x', {
      mode: 0o777,
      uid: 1000,
      gid: 1001,
      xattrs: packXattrs({ 'trusted.t': 'v' }),
    })
    checkout.leave()
    await checkout.run()
    for (const name of ['dir', 'dir/file', 'dir/link']) {
      const stat = lstatSync(join(targetDir, name))
      expect([stat.uid, stat.gid]).toEqual([1000, 1001])
    }
    expect(statSync(join(targetDir, 'dir/file')).mode & 0o7777).toBe(0o4750)
    expect(addon.sys.getxattr(-100, join(targetDir, 'dir'), 'user.a')?.toString()).toBe('b')
    expect(addon.sys.getxattr(-100, join(targetDir, 'dir/link'), 'trusted.t')?.toString()).toBe('v')
  })
})
