import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import {
  canonicalXattrs,
  decodeCommit,
  decodeDirMeta,
  decodeFileHeader,
  decodeFilezHeader,
  decodeOstreeMeta,
  decodeSizes,
  decodeSummary,
  encodeCommit,
  encodeDict,
  encodeDirMeta,
  encodeFileHeader,
  encodeFilezHeader,
  encodeOstreeMeta,
  encodeSizes,
  encodeSummary,
  encodeVariant,
  isCollectionId,
  isRef,
  lookup,
  parseObjectName,
  parseRefspec,
  sha256Hex,
  swap64,
} from '../../src/format/index.js'
import type { Commit, FileHeader } from '../../src/repo/index.js'
import { goldenFile, goldenV1 } from '../repo/golden-repos.js'

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const root = { uid: 0, gid: 0, xattrs: [] }
const xattrsFile: FileHeader = {
  uid: 10,
  gid: 20,
  mode: 0o100640,
  xattrs: [
    { name: 'user.alpha', value: Buffer.from('first') },
    { name: 'user.zeta', value: Buffer.from('last\0binary\xff', 'latin1') },
  ],
}
const fileSum = (header: FileHeader, content: string | Buffer = '') =>
  createHash('sha256').update(encodeFileHeader(header)).update(content).digest('hex')
const corrupt = expect.objectContaining({ code: 'STORE_OSTREE_CORRUPT' }) as Error
const invalid = expect.objectContaining({ code: 'STORE_OSTREE_INVALID' }) as Error

describe('a file header', () => {
  it('hashes as the real tool hashes', () => {
    expect(fileSum({ ...root, mode: 0o100755 }, '#!/bin/sh\necho hello v2\n')).toBe(
      '0067a25b757129bdecf5594109b84fb63d02a2521e29e605c48368eb391d37ff',
    )
    expect(fileSum({ ...root, mode: 0o120777, symlinkTarget: 'hello' })).toBe(
      '73baaba0102e9154b8522687d33eedb8ed1bc78eadb82428b2616144ec502934',
    )
    expect(fileSum({ ...root, mode: 0o100644 })).toBe(
      'cc700d46f407c6c5ab2d5dde474366a928b7398277e61162e7f8ec06f469f07e',
    )
  })

  it('has the bytes of the worked example with attributes', () => {
    expect(encodeFileHeader(xattrsFile)).toEqual(
      hex(`0000003c00000000 0000000a 00000014 000081a0 00000000 00
        757365722e616c70686100 6669727374 0b
        757365722e7a65746100 6c6173740062696e617279ff 0a
        11 28 11`),
    )
    expect(encodeFilezHeader(xattrsFile, 16)).toEqual(
      hex(`0000004400000000 0000000000000010 0000000a 00000014 000081a0 00000000 00
        757365722e616c70686100 6669727374 0b
        757365722e7a65746100 6c6173740062696e617279ff 0a
        11 28 19`),
    )
  })

  it('round-trips', () => {
    const headers = fc.record({
      uid: fc.nat(0xffff_ffff),
      gid: fc.nat(0xffff_ffff),
      permissions: fc.nat(0o7777),
      target: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 }), { nil: undefined }),
      xattrs: fc.uniqueArray(
        fc.record({
          name: fc.stringMatching(/^user\.[a-z]{1,300}$/),
          value: fc.uint8Array({ minLength: 1, maxLength: 300 }),
        }),
        { selector: (xattr) => xattr.name, maxLength: 5 },
      ),
      size: fc.nat(),
    })
    fc.assert(
      fc.property(headers, ({ uid, gid, permissions, target, xattrs, size }) => {
        const symlinkTarget = target?.replaceAll('\0', '') === '' ? 'x' : target?.replaceAll('\0', '')
        const header: FileHeader = {
          uid,
          gid,
          mode: permissions | (symlinkTarget === undefined ? 0o100000 : 0o120000),
          xattrs: canonicalXattrs(xattrs.map(({ name, value }) => ({ name, value: Buffer.from(value) }))),
          ...(symlinkTarget === undefined ? {} : { symlinkTarget }),
        }
        const sizeBytes = symlinkTarget === undefined ? size : 0
        expect(decodeFileHeader(encodeFileHeader(header), 'x')).toEqual(header)
        expect(decodeFilezHeader(encodeFilezHeader(header, sizeBytes), 'x')).toEqual({ ...header, sizeBytes })
        // The general codec agrees about the variant inside.
        const swap = (value: number) => Buffer.from(Uint32Array.of(value).buffer).readUInt32BE()
        const variant = encodeVariant('(uuuusa(ayay))', [
          swap(uid),
          swap(gid),
          swap(header.mode),
          0,
          symlinkTarget ?? '',
          header.xattrs.map((xattr) => [Buffer.from(`${xattr.name}\0`), xattr.value]),
        ])
        expect(encodeFileHeader(header).subarray(8)).toEqual(variant)
      }),
    )
  })

  it('refuses damage with an error that says so', () => {
    const bytes = encodeFilezHeader({ ...xattrsFile, mode: 0o120777, symlinkTarget: 'somewhere' }, 0)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      try {
        const { sizeBytes, ...header } = decodeFilezHeader(damaged, 'x')
        expect(encodeFilezHeader(header, sizeBytes).equals(damaged)).toBe(true)
      } catch (error) {
        expect(isBootcError(error, 'STORE_OSTREE_CORRUPT')).toBe(true)
      }
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeFilezHeader(bytes.subarray(0, length), 'x')).toThrowError(corrupt)
    }
  })

  it.each([
    ['a directory', { ...root, mode: 0o040755 }],
    ['a device', { ...root, mode: 0o020644 }],
    ['a mode of more bits than there are', { ...root, mode: 0o1100644 }],
    ['a target without a symbolic link', { ...root, mode: 0o100644, symlinkTarget: 'x' }],
    ['a symbolic link without a target', { ...root, mode: 0o120777 }],
    ['an empty target', { ...root, mode: 0o120777, symlinkTarget: '' }],
    ['a target that is not UTF-8', { ...root, mode: 0o120777, symlinkTarget: 'a\udcff' }],
    [
      'an attribute without a name',
      { ...root, mode: 0o100644, xattrs: [{ name: '', value: Buffer.from('x') }] },
    ],
  ])('is not written for %s', (_, header) => {
    expect(() => encodeFileHeader(header)).toThrowError(invalid)
  })
})

describe('metadata of directories and bare-user files', () => {
  it('has the checksums that every repository shares', () => {
    expect(sha256Hex(encodeDirMeta({ ...root, mode: 0o040755 }))).toBe(
      '446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488',
    )
    expect(sha256Hex(encodeDirMeta({ ...root, mode: 0o041777 }))).toBe(
      'bbe8d5c22ca8a645068a1aa51a59e117f139319d9a791e4d4c0d27dae64cc8c7',
    )
    const xattrs = [{ name: 'user.dirattr', value: Buffer.from('on-a-directory') }]
    const meta = { uid: 10, gid: 20, mode: 0o040700, xattrs }
    expect(sha256Hex(encodeDirMeta(meta))).toBe(
      'd91c46b0215b15dd44a962bd6e8baa31a2378968267e6e84329db0210eac8bf6',
    )
    expect(decodeDirMeta(encodeDirMeta(meta))).toEqual(meta)
  })

  it('does not take a file for a directory or the other way round', () => {
    const dir = { ...root, mode: 0o040755 }
    const file = { ...root, mode: 0o100644 }
    expect(() => encodeDirMeta(file)).toThrowError(invalid)
    expect(() => encodeOstreeMeta(dir)).toThrowError(invalid)
    expect(() => decodeDirMeta(encodeOstreeMeta(file))).toThrowError(corrupt)
    expect(() => decodeOstreeMeta(encodeDirMeta(dir), 'x')).toThrowError(corrupt)
    expect(() => decodeDirMeta(Buffer.alloc(11))).toThrowError(corrupt)
  })

  it('drops attributes with empty values and sorts the others', () => {
    const xattrs = [
      { name: 'user.b', value: Buffer.from('2') },
      { name: 'user.empty', value: Buffer.alloc(0) },
      { name: 'user.a', value: Buffer.from('1') },
    ]
    expect(canonicalXattrs(xattrs).map(({ name }) => name)).toEqual(['user.a', 'user.b'])
  })
})

describe('a commit', () => {
  const commit: Commit = {
    metadata: [
      ['version', { type: 's', value: '1.0' }],
      ['ostree.ref-binding', { type: 'as', value: ['golden/x86_64/stable'] }],
    ],
    subject: 'Golden v1',
    body: 'Body text of golden commit v1',
    timestamp: 0,
    rootTree: 'cfdaef199a070de4ad8cbc7b2701fb8d725caf89166522f1d82cdb47e2f82ef3',
    rootMeta: '446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488',
  }

  it('has the checksum of the golden one', () => {
    expect(sha256Hex(encodeCommit(commit))).toBe(goldenV1)
  })

  it('stores its time big-endian', () => {
    const bytes = encodeCommit({ ...commit, timestamp: 1_700_000_000 })
    expect(bytes.includes(hex('000000006553f100'))).toBe(true)
    expect(decodeCommit(bytes).timestamp).toBe(1_700_000_000)
  })

  it('refuses truncations, times and keys that cannot be', () => {
    const bytes = encodeCommit(commit)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeCommit(bytes.subarray(0, length))).toThrowError(corrupt)
    }
    expect(() => encodeCommit({ ...commit, timestamp: -1 })).toThrowError(invalid)
    expect(() => encodeCommit({ ...commit, timestamp: 1.5 })).toThrowError(invalid)
    expect(() => encodeCommit({ ...commit, rootTree: 'x' })).toThrowError(invalid)
    expect(() => encodeDict([['', { type: 's', value: '' }]])).toThrowError(invalid)
  })

  it('finds the first of equal metadata keys, of the type asked for', () => {
    const dict = [
      ['k', { type: 's', value: 'first' }],
      ['k', { type: 's', value: 'second' }],
    ] as const
    expect(lookup(dict, 'k', 's')).toBe('first')
    expect(lookup(dict, 'k', 'as')).toBeUndefined()
  })
})

describe('a summary', () => {
  it('written by the real tool re-encodes to the same bytes', () => {
    const bytes = goldenFile('summary')
    const summary = decodeSummary(bytes)
    expect(encodeSummary(summary)).toEqual(bytes)
    expect(summary.refs.map(({ ref }) => ref)).toContain('golden/x86_64/stable')
    const ts = summary.refs.find(({ ref }) => ref === 'golden/x86_64/ts')!
    expect(swap64(lookup(ts.metadata, 'ostree.commit.timestamp', 't')!)).toBe(1_700_000_000n)
  })

  it('with refs out of order is refused', () => {
    const entry = [1n, Buffer.alloc(32), []]
    const bytes = encodeVariant('(a(s(taya{sv}))a{sv})', [
      [
        ['b', entry],
        ['a', entry],
      ],
      [],
    ])
    expect(() => decodeSummary(bytes)).toThrowError(corrupt)
  })
})

describe('sizes of objects', () => {
  it('round-trip, sorted by checksum', () => {
    const sizes = [
      { checksum: 'ff'.repeat(32), archivedBytes: 2 ** 40, unpackedBytes: 0, type: 'file' as const },
      { checksum: '0a'.repeat(32), archivedBytes: 202, unpackedBytes: 202, type: 'dirtree' as const },
    ]
    const entries = encodeSizes(sizes)
    expect(entries[0]).toEqual(hex(`${'0a'.repeat(32)} ca01 ca01 02`))
    expect(decodeSizes(entries)).toEqual([sizes[1], sizes[0]])
  })

  it('may lack the type, and are refused when cut', () => {
    const entry = hex(`${'0a'.repeat(32)} ca01 ca01`)
    expect(decodeSizes([entry])[0]).toMatchObject({ archivedBytes: 202, type: undefined })
    expect(() => decodeSizes([entry.subarray(0, -1)])).toThrowError(corrupt)
    expect(() => decodeSizes([Buffer.concat([entry, hex('63')])])).toThrowError(corrupt)
  })
})

describe('names', () => {
  it.each(['a', 'a/b-c/d.e', 'fedora/x86_64/coreos/stable', 'é/ファイル', '_x', '0'])(
    '%j is a ref',
    (ref) => {
      expect(isRef(ref)).toBe(true)
    },
  )
  it.each(['', '/a', 'a/', 'a//b', '.a', 'a/../b', '-a', 'a b', 'a:b', 'a\nb', '../x'])(
    '%j is no ref',
    (ref) => {
      expect(isRef(ref)).toBe(false)
    },
  )
  it('splits refspecs', () => {
    expect(parseRefspec('origin:a/b')).toEqual({ remote: 'origin', ref: 'a/b' })
    expect(parseRefspec('a/b')).toEqual({ ref: 'a/b' })
    expect(() => parseRefspec('../x:a')).toThrowError(invalid)
  })
  it('knows collection ids', () => {
    expect(isCollectionId('org.example.Os')).toBe(true)
    expect(isCollectionId('org')).toBe(false)
    expect(isCollectionId('org.1x')).toBe(false)
  })
  it('passes over files below objects/ that are none', () => {
    const rest = 'b'.repeat(62)
    expect(parseObjectName('aa', `${rest}.commit`, 'bare')).toEqual({ type: 'commit', checksum: `aa${rest}` })
    expect(parseObjectName('aa', `${rest}.filez`, 'bare')).toBeUndefined()
    expect(parseObjectName('aa', `${rest}.file`, 'archive')).toBeUndefined()
    expect(parseObjectName('aa', `${rest.slice(1)}.commit`, 'bare')).toBeUndefined()
    expect(parseObjectName('aa', `${rest}.commit.tmp`, 'bare')).toBeUndefined()
    expect(parseObjectName('AA', `${rest}.commit`, 'bare')).toBeUndefined()
  })
})
