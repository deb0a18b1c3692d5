import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { createTarParser, packTar } from '../../src/tar/index.js'
import type { TarOptions } from '../../src/tar/index.js'
import { endMarker, octal, padded, rawHeader } from './raw-header.js'
import { readAll } from './read-all.js'

function failure(
  archive: Uint8Array,
  options?: TarOptions,
): { code: string; details: Record<string, unknown> } {
  try {
    readAll(archive, options)
  } catch (error) {
    if (isBootcError(error)) return { code: error.code, details: error.details }
    throw error
  }
  return { code: 'none', details: {} }
}

const archive = (...parts: Uint8Array[]): Buffer => Buffer.concat([...parts, endMarker])

describe('reading headers', () => {
  test('a ustar name is prefix, slash, name', () => {
    const [member] = readAll(archive(rawHeader({ name: 'b/c', prefix: 'very/long/a' })))
    expect(member?.name).toBe('very/long/a/b/c')
  })

  test('a GNU header has other things where ustar has the prefix', () => {
    const [member] = readAll(archive(rawHeader({ name: 'a', magic: 'ustar  \0', prefix: '14512345670' })))
    expect(member?.name).toBe('a')
  })

  test('a V7 header has no magic, and a trailing slash makes a directory', () => {
    const members = readAll(
      archive(rawHeader({ name: 'd/', type: '\0', magic: '' }), rawHeader({ type: '\0', magic: '' })),
    )
    expect(members.map(({ name, type }) => [name, type])).toEqual([
      ['d/', 'directory'],
      ['file', 'file'],
    ])
  })

  test('a name of exactly 100 bytes has no terminator', () => {
    const name = 'n'.repeat(100)
    expect(readAll(archive(rawHeader({ name })))[0]?.name).toBe(name)
  })

  test('names that are not UTF-8 keep their bytes', () => {
    expect(readAll(archive(rawHeader({ name: Uint8Array.of(0x61, 0xff) })))[0]?.name).toBe('a\udcff')
  })

  test('numbers may be base-256, padded with spaces, or empty', () => {
    const [member] = readAll(
      archive(
        rawHeader({
          uid: Uint8Array.of(0x80, 0, 0, 0, 0xee, 0x6b, 0x28, 0),
          gid: '   17 \0',
          mode: Buffer.alloc(8),
          mtime: Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe),
        }),
      ),
    )
    expect(member).toMatchObject({ uid: 0xee6b2800, gid: 0o17, mode: 0, mtime: -2, headerMtime: -2 })
  })

  test('file type bits in the mode are dropped', () => {
    expect(readAll(archive(rawHeader({ mode: '0104755\0' })))[0]?.mode).toBe(0o4755)
  })

  test('devices carry their numbers', () => {
    const [member] = readAll(archive(rawHeader({ type: '3', devMajor: '0000005\0', devMinor: '0000001\0' })))
    expect(member).toMatchObject({ type: 'char', devMajor: 5, devMinor: 1 })
  })

  test('checksums may be of signed characters', () => {
    const name = Buffer.from('ő')
    expect(readAll(archive(rawHeader({ name, checksum: 'signed' })))[0]?.name).toBe('ő')
    expect(failure(archive(rawHeader({ name, checksum: 'wrong' }))).code).toBe('IMAGE_TAR_CORRUPT')
  })

  test('unknown type flags arrive as "other" with their data', () => {
    const [member] = readAll(archive(rawHeader({ type: 'V', size: octal(3) }), padded('abc')))
    expect(member).toMatchObject({ type: 'other', typeFlag: 0x56 })
    expect(member?.data.toString()).toBe('abc')
  })

  test('data offsets point into the archive', () => {
    const bytes = archive(
      rawHeader({ size: octal(3) }),
      padded('abc'),
      rawHeader({ name: 'x', size: octal(1) }),
      padded('y'),
    )
    for (const { dataOffset, sizeBytes, data } of readAll(bytes)) {
      expect(bytes.subarray(dataOffset, dataOffset + sizeBytes)).toEqual(data)
    }
  })
})

describe('long names and PAX records', () => {
  const gnu = (type: 'L' | 'K', text: string): Buffer =>
    Buffer.concat([
      rawHeader({ name: '././@LongLink', type, size: octal(text.length + 1) }),
      padded(`${text}\0`),
    ])
  const pax = (body: string | Uint8Array, type = 'x'): Buffer =>
    Buffer.concat([
      rawHeader({ name: 'pax', type, size: octal(Buffer.from(body as Uint8Array).length) }),
      padded(body),
    ])

  test('a GNU long name wins over PAX, PAX wins over the header', () => {
    const members = readAll(
      archive(
        pax('12 path=pax\n'),
        gnu('L', 'gnu-name'),
        rawHeader({ name: 'header' }),
        pax('12 path=pax\n'),
        rawHeader({ name: 'header' }),
        rawHeader({ name: 'header' }),
      ),
    )
    expect(members.map(({ name }) => name)).toEqual(['gnu-name', 'pax', 'header'])
  })

  test('link names follow the same order', () => {
    const members = readAll(
      archive(
        gnu('K', 'gnu'),
        pax('16 linkpath=pax\n'),
        rawHeader({ type: '2', link: 'h' }),
        rawHeader({ type: '1', link: 'h' }),
      ),
    )
    expect(members.map(({ type, linkName }) => [type, linkName])).toEqual([
      ['symlink', 'gnu'],
      ['hardlink', 'h'],
    ])
  })

  test('the first path record of a header counts', () => {
    expect(readAll(archive(pax('10 path=a\n10 path=b\n'), rawHeader({})))[0]?.name).toBe('a')
  })

  test('PAX numbers override the header', () => {
    const body = '10 size=3\n15 uid=3000000\n15 gid=4000000\n13 mtime=1.5\n'
    const [member] = readAll(archive(pax(body), rawHeader({}), padded('abc')))
    expect(member).toMatchObject({ sizeBytes: 3, uid: 3000000, gid: 4000000, mtime: 1.5, headerMtime: 0 })
  })

  test('values are bytes and may hold newlines, NULs and invalid UTF-8', () => {
    const value = Buffer.from([0x0a, 0x00, 0xff, 0x3d])
    const record = Buffer.concat([
      Buffer.from('25 SCHILY.xattr.user.a='),
      value.subarray(0, 1),
      Buffer.from('\n'),
    ])
    expect(record.length).toBe(25)
    const [member] = readAll(archive(pax(record), rawHeader({})))
    expect([...member!.pax.get('SCHILY.xattr.user.a')!]).toEqual([0x0a])
    const packed = packTar([{ name: 'f', xattrs: [{ name: 'user.a', value }] }])
    expect([...readAll(packed)[0]!.pax.get('SCHILY.xattr.user.a')!]).toEqual([...value])
  })

  test('members without a PAX header share one empty map', () => {
    const [a, b] = readAll(packTar([{ name: 'a' }, { name: 'b' }]))
    expect(a?.pax.size).toBe(0)
    expect(a?.pax).toBe(b?.pax)
  })

  test.each([
    ['two long names', [gnu('L', 'a'), gnu('L', 'b'), rawHeader({})]],
    ['two long link names', [gnu('K', 'a'), gnu('K', 'b'), rawHeader({})]],
    ['two PAX headers', [pax('10 path=a\n'), pax('10 path=a\n'), rawHeader({})]],
    ['a long name at the end', [gnu('L', 'a')]],
    ['a record without a newline', [pax('10 path=ab'), rawHeader({})]],
    ['a record longer than the header', [pax('99 path=a\n'), rawHeader({})]],
    ['a record without "="', [pax('10 pathaa\n'), rawHeader({})]],
    ['a record without a key', [pax('5 =a\n'), rawHeader({})]],
    ['a length that is no number', [pax('x0 path=a\n'), rawHeader({})]],
    ['a length of zero', [pax('0 path=a\n'), rawHeader({})]],
    ['a negative size', [pax('11 size=-3\n'), rawHeader({})]],
    ['a fractional uid', [pax('11 uid=1.5\n'), rawHeader({})]],
    ['a size beyond all numbers', [pax('29 size=99999999999999999999\n'), rawHeader({})]],
    ['a NUL in a path', [pax('12 path=a\0b\n'), rawHeader({})]],
    ['uid -1', [rawHeader({ uid: Buffer.alloc(8, 0xff) })]],
    ['uid 2^32 - 1', [pax('18 uid=4294967295\n'), rawHeader({})]],
    ['letters for a size', [rawHeader({ size: '0000000000x\0' })]],
    ['a base-256 size beyond all numbers', [rawHeader({ size: Buffer.alloc(12, 0xbf) })]],
  ])('%s: the archive is corrupt', (_, parts) => {
    expect(failure(archive(...parts)).code).toBe('IMAGE_TAR_CORRUPT')
  })

  test('global headers are members, defaults or errors, as asked', () => {
    const bytes = archive(
      pax('9 uid=7\n'.replace('9', '8'), 'g'),
      rawHeader({}),
      pax('8 uid=8\n'),
      rawHeader({}),
    )
    expect(readAll(bytes).map(({ type, uid }) => [type, uid])).toEqual([
      ['paxGlobal', 0],
      ['file', 0],
      ['file', 8],
    ])
    expect(readAll(bytes, { paxGlobal: 'apply' }).map(({ type, uid }) => [type, uid])).toEqual([
      ['file', 7],
      ['file', 8],
    ])
    expect(failure(bytes, { paxGlobal: 'refuse' }).code).toBe('IMAGE_TAR_UNSUPPORTED')
  })
})

describe('what is refused', () => {
  test('sparse files, in both spellings', () => {
    expect(failure(archive(rawHeader({ type: 'S' }))).code).toBe('IMAGE_TAR_UNSUPPORTED')
    const sparse = packTar([{ name: 'f', pax: { 'GNU.sparse.major': '1' } }])
    expect(failure(sparse).code).toBe('IMAGE_TAR_UNSUPPORTED')
  })

  test.each(['1', '2', '3', '4', '5', '6'])('type %s with data', (type) => {
    expect(failure(archive(rawHeader({ type, size: octal(3) }), padded('abc'))).code).toBe(
      'IMAGE_TAR_UNSUPPORTED',
    )
  })

  test('truncation anywhere but on a block boundary between members', () => {
    const bytes = packTar([{ name: 'a', data: 'x'.repeat(700) }, { name: 'b' }])
    const boundaries = new Set([0, 512 + 1024, 512 + 1024 + 512])
    for (let length = 0; length < bytes.length - 1024; length += 1) {
      const { code } = failure(bytes.subarray(0, length))
      expect(code, `length ${length}`).toBe(boundaries.has(length) ? 'none' : 'IMAGE_TAR_CORRUPT')
    }
  })

  test('a missing end marker, when asked to', () => {
    const bytes = packTar([{ name: 'a' }])
    expect(failure(bytes.subarray(0, 512), { strictEnd: true }).code).toBe('IMAGE_TAR_CORRUPT')
    expect(failure(bytes.subarray(0, 1024), { strictEnd: true }).code).toBe('none')
  })

  test.each<[string, Uint8Array, TarOptions]>([
    ['names', packTar([{ name: `${'n/'.repeat(60)}x` }]), { maxNameBytes: 100 }],
    ['long names', archive(rawHeader({ type: 'L', size: octal(1 << 20) })), {}],
    [
      'link names',
      packTar([{ name: 'l', type: 'symlink', linkName: 'x'.repeat(300) }]),
      { maxNameBytes: 200 },
    ],
    ['PAX headers', archive(rawHeader({ type: 'x', size: octal(2 << 20) })), {}],
    ['depth', packTar([{ name: 'a/'.repeat(300) }]), {}],
    ['entries', packTar([{ name: 'a' }, { name: 'b' }, { name: 'c' }]), { maxEntries: 2 }],
    ['xattrs', packTar([{ name: 'a', xattrs: [{ name: 'user.a', value: Buffer.alloc(65537) }] }]), {}],
    ['total size', packTar([{ name: 'a', data: 'x'.repeat(5000) }]), { maxTotalBytes: 4096 }],
  ])('%s beyond the limit', (_, bytes, options) => {
    expect(failure(bytes, options).code).toBe('IMAGE_TAR_LIMIT')
  })

  test('errors say where', () => {
    const bytes = Buffer.concat([
      packTar([{ name: 'a', data: 'abc' }]).subarray(0, 1024),
      Buffer.alloc(512, 0x41),
    ])
    expect(failure(bytes)).toMatchObject({ code: 'IMAGE_TAR_CORRUPT', details: { offset: 1024 } })
  })

  test('garbage of any kind ends in a typed error or an end, never in a crash or a loop', () => {
    const seed = packTar([
      { name: 'usr/bin/x', data: 'hello', xattrs: [{ name: 'user.a', value: Buffer.from('1') }] },
      { name: 'l', type: 'symlink', linkName: 'y'.repeat(120) },
    ])
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 6 }), (edits) => {
        const bytes = Buffer.from(seed)
        for (const [at, value] of edits) bytes[at] = value
        expect(['none', 'IMAGE_TAR_CORRUPT', 'IMAGE_TAR_UNSUPPORTED', 'IMAGE_TAR_LIMIT']).toContain(
          failure(bytes).code,
        )
      }),
    )
  })
})

describe('streaming', () => {
  const bytes = packTar([
    { name: 'a', data: 'x'.repeat(1300), xattrs: [{ name: 'user.a', value: Buffer.from('v') }] },
    { name: 'd/', type: 'directory' },
    { name: `${'long/'.repeat(40)}name`, data: 'y' },
  ])

  test('chunk boundaries make no difference', () => {
    const whole = readAll(bytes)
    for (const size of [1, 7, 511, 512, 513, 1000]) expect(readAll(bytes, {}, size)).toEqual(whole)
  })

  test('data is handed on without copying', () => {
    const seen: Uint8Array[] = []
    const parser = createTarParser({ entry() {}, data: (chunk) => seen.push(chunk), end() {} })
    parser.push(bytes)
    expect(seen.length).toBe(2)
    for (const chunk of seen) expect(chunk.buffer).toBe(bytes.buffer)
  })

  test('everything after the end marker is ignored', () => {
    const parser = createTarParser({ entry() {}, data() {}, end() {} })
    parser.push(bytes)
    expect(parser.finished).toBe(true)
    parser.push(Buffer.alloc(4096, 0x55))
    parser.end()
  })

  test('raw bytes and data together are the archive, whatever the chunks', () => {
    const whole = Buffer.concat([bytes, Buffer.alloc(700, 0x55)])
    const record = '10 a=bcde\n'
    const globalHeader = Buffer.concat([rawHeader({ type: 'g', size: octal(record.length) }), padded(record)])
    for (const archive of [whole, Buffer.concat([globalHeader, whole])]) {
      for (const size of [1, 7, 511, 512, 513, archive.length]) {
        const parts: Buffer[] = []
        const calls: string[] = []
        const take = (what: string) => (chunk: Uint8Array) => {
          parts.push(Buffer.from(chunk))
          if (calls.at(-1) !== what) calls.push(what)
        }
        const note = (what: string) => () => void calls.push(what)
        const handler = { entry: note('entry'), end: note('end'), data: take('data'), raw: take('raw') }
        const parser = createTarParser(handler, { paxGlobal: 'apply' })
        for (let at = 0; at < archive.length; at += size) parser.push(archive.subarray(at, at + size))
        parser.end()
        expect(Buffer.concat(parts).equals(archive)).toBe(true)
        expect(calls.join(' ')).toBe('raw entry data end raw entry end raw entry data end raw')
      }
    }
  })

  test('data that is kept elsewhere is passed over, and what follows is read', () => {
    const calls: string[] = []
    const parser = createTarParser({
      entry: ({ name, sizeBytes }) => void calls.push(`${name.slice(0, 5)} ${sizeBytes}`),
      data: () => void calls.push('data'),
      end: () => void calls.push('end'),
    })
    const dataStart = bytes.indexOf('x'.repeat(1300))
    for (let at = 0; at < dataStart; at += 100) parser.push(bytes.subarray(at, Math.min(at + 100, dataStart)))
    expect(parser.skipData()).toBe(1300)
    parser.push(bytes.subarray(dataStart + 1300))
    parser.end()
    expect(calls).toEqual(['a 1300', 'end', 'd/ 0', 'end', 'long/ 1', 'data', 'end'])
  })

  test('nothing is passed over but the whole data of a member', () => {
    const parser = createTarParser({ entry() {}, data() {}, end() {} })
    expect(() => parser.skipData()).toThrow(expect.objectContaining({ code: 'IMAGE_TAR_CORRUPT' }))
    parser.push(bytes.subarray(0, bytes.indexOf('x'.repeat(1300)) + 1))
    expect(() => parser.skipData()).toThrow(expect.objectContaining({ code: 'IMAGE_TAR_CORRUPT' }))
  })

  test('one block of zeros ends the archive', () => {
    expect(readAll(Buffer.concat([rawHeader({}), Buffer.alloc(512), rawHeader({})])).length).toBe(1)
  })
})
