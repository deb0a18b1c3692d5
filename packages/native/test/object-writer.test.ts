import { mkdirSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { ObjectSpec } from '../src/index.js'
import {
  addon,
  describeNative,
  freshBelow,
  isRoot,
  packXattrs,
  sampleBytes,
  scratch,
  sha256,
  verityByLevels,
} from './support.js'

describeNative('object writer', () => {
  const dir = scratch()
  const fresh = freshBelow(dir)
  const header = Buffer.from('header of the object')
  const spec = (more: Partial<ObjectSpec> = {}): ObjectSpec => ({
    hashPrefix: header,
    suffix: '.file',
    mode: 0o644,
    ...more,
  })
  const nameOf = (checksum: string, suffix = '.file') =>
    `${checksum.slice(0, 2)}/${checksum.slice(2)}${suffix}`

  /** Runs a writer over one staging directory and closes it. */
  async function write(
    stagingDir: string,
    body: (writer: ReturnType<typeof addon.createObjectWriter>) => void,
    existing: string[] = [],
  ) {
    const writer = addon.createObjectWriter({ stagingDir, existing, threads: 2 })
    try {
      body(writer)
      return await writer.finish()
    } finally {
      writer.close()
    }
  }

  test('names objects by the hash over prefix and content, in order of their ids', async () => {
    const staging = fresh()
    const contents = Array.from({ length: 500 }, (_, i) => sampleBytes(i * 37, i))
    const results = await write(staging, (writer) => {
      contents.forEach((content, i) => expect(writer.put(spec(), content, 0, content.length)).toBe(i))
    })
    results.forEach((result, i) => {
      const checksum = sha256(header, contents[i]!)
      expect(result).toEqual({
        checksum,
        sizeBytes: contents[i]!.length,
        isNew: true,
        name: nameOf(checksum),
      })
      expect(readFileSync(join(staging, result.name!)).equals(contents[i]!)).toBe(true)
    })
  })

  test('takes an object in pieces, also many at once', async () => {
    const staging = fresh()
    const contents = [sampleBytes(3_000_000, 1), sampleBytes(5, 2), Buffer.alloc(0)]
    const results = await write(staging, (writer) => {
      const ids = contents.map(() => writer.begin(spec({ mode: 0o755 })))
      for (let at = 0; at < 3_000_000; at += 99_999) {
        contents.forEach((content, i) => {
          if (at < content.length) writer.data(ids[i]!, content, at, Math.min(at + 99_999, content.length))
        })
      }
      ids.forEach((id) => writer.end(id))
    })
    contents.forEach((content, i) => {
      expect(results[i]).toMatchObject({
        checksum: sha256(header, content),
        sizeBytes: content.length,
        isNew: true,
      })
      expect(readFileSync(join(staging, results[i]!.name!)).equals(content)).toBe(true)
      expect(statSync(join(staging, results[i]!.name!)).mode & 0o7777).toBe(0o755)
    })
    expect(readdirSync(staging).filter((name) => name.startsWith('tmp-'))).toEqual([])
  })

  test('only the given range of a buffer counts', async () => {
    const content = sampleBytes(1000)
    const [result] = await write(fresh(), (writer) => writer.put(spec(), content, 100, 300))
    expect(result!.checksum).toBe(sha256(header, content.subarray(100, 300)))
  })

  test('writes nothing that a root has, nor the same object twice', async () => {
    const root = fresh()
    const staging = fresh()
    const content = sampleBytes(100)
    const name = nameOf(sha256(header, content))
    mkdirSync(join(root, name.slice(0, 2)))
    writeFileSync(join(root, name), 'anything')
    const results = await write(
      staging,
      (writer) => {
        writer.put(spec(), content, 0, 100)
        const id = writer.begin(spec())
        writer.data(id, content, 0, 100)
        writer.end(id)
        for (let i = 0; i < 4; i++) writer.put(spec(), content, 0, 50)
      },
      [join(dir, 'no such root'), root],
    )
    expect(results.slice(0, 2).map((result) => result.isNew)).toEqual([false, false])
    expect(results.slice(2).filter((result) => result.isNew)).toHaveLength(1)
    expect(results[0]!.name).toBeUndefined()
    expect(
      readdirSync(staging, { recursive: true }).filter((path) => String(path).includes('.file')),
    ).toHaveLength(1)
  })

  test('applies mode and zero times whatever the umask', async () => {
    const staging = fresh()
    const before = process.umask(0o077)
    try {
      for (const mode of [0o4755, 0o2644, 0o444, 0o000, 0o1777]) {
        const content = Buffer.from(`mode ${mode}`)
        const [result] = await write(staging, (writer) =>
          writer.put(spec({ mode, zeroMtime: true }), content, 0, content.length),
        )
        const stat = statSync(join(staging, result!.name!))
        expect(stat.mode & 0o7777).toBe(mode)
        expect([stat.mtimeMs, stat.atimeMs]).toEqual([0, 0])
      }
    } finally {
      process.umask(before)
    }
  })

  test.skipIf(!isRoot)('applies owner, capabilities and attributes (needs root)', async () => {
    const staging = fresh()
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')
    const xattrs = packXattrs({
      'security.capability': capability,
      'user.empty': '',
      'user.bytes': Buffer.from([0, 255]),
    })
    const results = await write(staging, (writer) => {
      const more = { uid: 1234, gid: 4_000_000_000, mode: 0o6755, xattrs }
      writer.put(spec(more), header, 0, header.length)
      writer.end(writer.begin(spec(more)))
    })
    for (const { name } of results) {
      const stat = statSync(join(staging, name!))
      expect([stat.uid, stat.gid, stat.mode & 0o7777]).toEqual([1234, 4_000_000_000, 0o6755])
      expect(addon.sys.getxattr(-100, join(staging, name!), 'security.capability')).toEqual(capability)
      expect(addon.sys.getxattr(-100, join(staging, name!), 'user.empty')).toEqual(Buffer.alloc(0))
      expect(addon.sys.getxattr(-100, join(staging, name!), 'user.bytes')).toEqual(Buffer.from([0, 255]))
    }
  })

  test('makes symbolic links named by the prefix alone', async () => {
    const staging = fresh()
    const target = Buffer.from('../some/wh\xe9re', 'latin1')
    const results = await write(staging, (writer) => {
      writer.put(spec({ symlinkTarget: target, zeroMtime: true }), target, 0, target.length)
      writer.put(spec({ symlinkTarget: target }), target, 0, 0)
    })
    expect(results.map((result) => result.checksum)).toEqual([sha256(header), sha256(header)])
    expect(results.filter((result) => result.isNew)).toHaveLength(1)
    const name = nameOf(sha256(header))
    expect(readlinkSync(join(staging, name), { encoding: 'buffer' })).toEqual(target)
  })

  test('deflates archive objects and hashes their plain bytes', async () => {
    const staging = fresh()
    const filePrefix = Buffer.from('file header')
    const contents = [Buffer.alloc(0), sampleBytes(10), sampleBytes(700_000), Buffer.alloc(2_000_000)]
    const archive = spec({ deflateLevel: 6, filePrefix, suffix: '.filez' })
    const results = await write(staging, (writer) => {
      for (const content of contents) writer.put(archive, content, 0, content.length)
      for (const content of contents) {
        const id = writer.begin({ ...archive, suffix: '.again' })
        for (let at = 0; at < content.length; at += 65_536)
          writer.data(id, content, at, Math.min(at + 65_536, content.length))
        writer.end(id)
      }
    })
    results.forEach((result, i) => {
      const content = contents[i % contents.length]!
      expect(result).toMatchObject({ checksum: sha256(header, content), sizeBytes: content.length })
      const file = readFileSync(join(staging, result.name!))
      expect(file.subarray(0, filePrefix.length).equals(filePrefix)).toBe(true)
      expect(inflateRawSync(file.subarray(filePrefix.length)).equals(content)).toBe(true)
    })
    expect(readFileSync(join(staging, results[0]!.name!)).subarray(filePrefix.length)).toEqual(
      Buffer.from([3, 0]),
    )
  })

  test('computes the fs-verity digest', async () => {
    const emptyDigest = '3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95' // of the kernel itself
    expect(verityByLevels(Buffer.alloc(0), 1)).toBe(emptyDigest)
    for (const size of [0, 5, 4096, 4097, 128 * 4096, 128 * 4096 + 1, 1_300_000]) {
      const content = sampleBytes(size)
      for (const algorithm of [1, 2] as const) {
        const verity = { algorithm, enable: false }
        const results = await write(fresh(), (writer) => {
          writer.put(spec({ verity }), content, 0, size)
          const id = writer.begin(spec({ verity, suffix: '.again' }))
          for (let at = 0; at < size; at += 1777) writer.data(id, content, at, Math.min(at + 1777, size))
          writer.end(id)
        })
        const digest = verityByLevels(content, algorithm)
        expect(results.map((result) => result.verityDigest)).toEqual([digest, digest])
      }
    }
  })

  test('takes blocks of a decoder and gives them back', async () => {
    const plain = sampleBytes(40 * 4096)
    const decoder = addon.createDecoder({ blockBytes: 4096, blocks: 2 })
    await decoder.push(plain)
    decoder.end()
    const staging = fresh()
    const writer = addon.createObjectWriter({ stagingDir: staging, existing: [], threads: 2 })
    const whole = writer.begin(spec())
    const checksums: string[] = []
    for (let block = await decoder.next(); block; block = await decoder.next()) {
      const { buffer, slot } = block
      checksums.push(sha256(header, buffer))
      writer.put(spec(), buffer, 0, buffer.length)
      writer.data(whole, buffer, 0, buffer.length)
      decoder.release(slot)
    }
    decoder.close()
    writer.end(whole)
    const results = await writer.finish()
    expect(results[0]!.checksum).toBe(sha256(header, plain))
    expect(results.slice(1).map((result) => result.checksum)).toEqual(checksums)
    writer.close()
  })

  test('refuses misuse', async () => {
    const writer = addon.createObjectWriter({ stagingDir: fresh(), existing: [] })
    const bytes = Buffer.alloc(10)
    expect(() => writer.put(spec(), bytes, 0, 11)).toThrow(/inside the buffer/)
    expect(() => writer.put(spec(), bytes, 5, 4)).toThrow(/inside the buffer/)
    expect(() => writer.put(spec({ suffix: '/../x' }), bytes, 0, 1)).toThrow(/slash/)
    expect(() => writer.put(spec({ xattrs: Buffer.from([5, 0, 1]) }), bytes, 0, 1)).toThrow(/cut short/)
    expect(() => writer.data(7, bytes, 0, 1)).toThrow(/id/)
    expect(() => writer.put({} as ObjectSpec, bytes, 0, 1)).toThrow(/hashPrefix/)
    const id = writer.begin(spec())
    expect(() => writer.finish()).toThrow(/not ended/)
    writer.end(id)
    expect(await writer.finish()).toHaveLength(1)
    writer.close()
    expect(() => writer.put(spec(), bytes, 0, 1)).toThrow(/closed/)
    expect(() => addon.createObjectWriter({ stagingDir: join(dir, 'missing'), existing: [] })).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'open', path: join(dir, 'missing') }),
    )
  })
})
