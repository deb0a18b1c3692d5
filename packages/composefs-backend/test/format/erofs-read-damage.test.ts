import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { expectRefused, refusal, refusals, specimen } from './erofs-specimen.js'
import { readGolden } from './golden-images.js'

describe('header and superblock', () => {
  const field = (at: number, value: number) => {
    const { bytes } = specimen()
    bytes.writeUInt32LE(value, at)
    return refusal(() => readErofs(bytes))
  }

  it.each([
    ['magic', 0, 1, /not one made by composefs/],
    ['header version', 4, 2, /header version 2/],
    ['composefs_version', 12, 3, /composefs_version 3/],
    ['superblock magic', 1024, 1, /no EROFS superblock/],
    ['compatible features', 1024 + 8, 8, /compatible feature 0x8/],
    ['block size', 1024 + 12, 0x0009, /blocks of 2\^9/],
    ['extension slots', 1024 + 12, 0x24010c, /extension/],
    ['root', 1024 + 12, 0xffff000c, /inode number 65535 is out of range/],
    ['block count', 1024 + 36, 7, /counts 7 blocks/],
    ['metadata block', 1024 + 40, 1, /metadata elsewhere/],
    ['table of attributes', 1024 + 44, 99999, /table of attributes/],
    ['incompatible features', 1024 + 80, 1, /incompatible feature 0x1/],
    ['compression', 1024 + 84, 1, /compression/],
    ['devices', 1024 + 84, 0x10000, /devices/],
    ['packed inode', 1024 + 96, 36, /packed inode/],
    ['packed inode, high half', 1024 + 100, 0x80000000, /packed inode \(2147483648\)/],
  ])('are refused with an unknown %s', (_name, at, value, reason) => {
    expect(field(at, value)).toMatch(reason)
  })

  it('of images that mkfs.erofs made are refused in words', () => {
    for (const file of ['lz4', 'plain']) {
      const image = readGolden(`../mkfs-erofs/${file}.erofs.gz`)
      expect(refusal(() => readErofs(image))).toMatch(/an EROFS image, but not one made by composefs/)
      image.writeUInt32LE(0xd078629a, 0)
      image.writeUInt32LE(1, 4)
      expect(refusals(image).filter((reason) => reason !== '').length).toBeGreaterThan(0)
    }
  })

  it('of anything else are refused', () => {
    expect(refusal(() => readErofs(new Uint8Array(0)))).toMatch(/only 0 bytes/)
    expect(refusal(() => readErofs(Buffer.alloc(8192, 'text')))).toMatch(/no composefs header/)
  })
})

describe('directories', () => {
  it('that contain a directory above them are refused', () => {
    const { bytes, inode, dirent } = specimen()
    bytes.writeBigUInt64LE(BigInt(inode('/dir').nid), dirent('/dir', 'sub'))
    expectRefused(bytes, /several names|wrong ".."/)
  })

  it('that contain the root are refused', () => {
    const { bytes, inode, dirent } = specimen()
    bytes.writeBigUInt64LE(BigInt(inode('/').nid), dirent('/dir', 'sub'))
    expectRefused(bytes, /the root is an entry/)
  })

  it('with two names are refused', () => {
    const { bytes, inode, dirent } = specimen()
    bytes.writeBigUInt64LE(BigInt(inode('/dir/sub').nid), dirent('/dir', 'tub'))
    expectRefused(bytes, /several names/)
  })

  it.each([
    ['behind the end', 0xffffffn],
    ['of more than 32 bits', 1n << 40n],
    ['of all ones', (1n << 64n) - 1n],
    ['in the superblock', 33n],
    ['zero', 0n],
  ])('with an inode number %s are refused', (_what, nid) => {
    const { bytes, dirent } = specimen()
    bytes.writeBigUInt64LE(nid, dirent('/dir', 'a'))
    expectRefused(bytes, /out of range/)
  })

  it('with another type than the inode are refused', () => {
    const { bytes, dirent } = specimen()
    bytes[dirent('/dir', 'a') + 10] = 7
    expectRefused(bytes, /file type 7/)
  })

  it.each([
    ['a slash', '/', /NUL or slash/],
    ['a NUL', '\0', /NUL or slash/],
    ['the order wrong', 'z', /out of order/],
  ])('with %s in a name are refused', (_what, character, reason) => {
    const { bytes, name } = specimen()
    bytes.write(character, name('/dir', 'a'), 'latin1')
    expectRefused(bytes, reason)
  })

  it('with a name twice are refused', () => {
    const { bytes, name } = specimen()
    bytes.write('sub', name('/dir', 'tub'), 'latin1')
    expectRefused(bytes, /out of order or double/)
  })

  it.each(['.', '..'])('with a wrong "%s" are refused', (dots) => {
    const { bytes, inode, dirent } = specimen()
    bytes.writeBigUInt64LE(BigInt(inode('/dir/sub').nid), dirent('/dir', dots))
    expectRefused(bytes, /wrong "\.\.?"/)
  })

  it.each([
    ['.', '-'],
    ['..', '.0'],
  ])('without "%s" are refused', (dots, instead) => {
    const { bytes, inode, name, dirent } = specimen()
    const [entry, from] = [dirent('/dir', dots), name('/dir', dots)]
    bytes.write(instead, from, 'latin1')
    bytes.writeBigUInt64LE(BigInt(inode('/dir/pipe').nid), entry)
    bytes[entry + 10] = 5
    expectRefused(bytes, /lacks "\." or "\.\."/)
  })

  it.each([
    [0, /starts with no entry/],
    [13, /starts with no entry/],
    [12 * 300, /starts with no entry/],
    [12, /out of place|NUL or slash|255 bytes|several names/],
    [24, /out of place|NUL or slash|255 bytes|several names/],
  ])('whose first name is said to be at %i are refused', (offset, reason) => {
    const { bytes, entries } = specimen()
    bytes.writeUInt16LE(offset, entries('/dir') + 8)
    expectRefused(bytes, reason)
  })

  it('of absurd size are refused', () => {
    for (const size of [5000, 4096 * 1000, 0xfffff000, 0xffffffff]) {
      const { bytes, inode } = specimen()
      bytes.writeUInt32LE(size, inode('/dir').offset + 8)
      expectRefused(bytes, /claim|behind the end|starts with no|tail/)
    }
  })

  it('of no size are refused', () => {
    const { bytes, inode } = specimen()
    bytes.writeUInt32LE(0, inode('/dir').offset + 8)
    expectRefused(bytes, /lacks "\." or "\.\."/)
  })
})

describe('inodes', () => {
  it('of unknown or compressed layout are refused', () => {
    for (const [format, reason] of [
      [1 << 1, /compressed/],
      [3 << 1, /compressed/],
      [5 << 1, /unknown format/],
      [0x1000, /unknown format/],
    ] as const) {
      const { bytes, inode } = specimen()
      bytes.writeUInt16LE(format, inode('/dir/a').offset)
      expectRefused(bytes, reason)
    }
  })

  it('of no file type are refused', () => {
    const { bytes, inode } = specimen()
    bytes.writeUInt16LE(0o170644, inode('/dir/a').offset + 4)
    expectRefused(bytes, /no file type/)
  })

  it('with content where none can be are refused', () => {
    const { bytes, inode } = specimen()
    bytes.writeUInt32LE(5, inode('/dir/pipe').offset + 8)
    expectRefused(bytes, /with content/)
  })

  it('with more content than the image has are refused, before anything is allocated', () => {
    const { bytes, inode } = specimen(2)
    bytes.writeBigUInt64LE(1n << 62n, inode('/dir/a').offset + 8)
    expectRefused(bytes, /claims 4611686018427387904 bytes/)
  })

  it('with blocks behind the end are refused', () => {
    const { bytes, inode } = specimen()
    bytes.writeUInt32LE(0x7fffffff, inode('/').offset + 16)
    expect(refusal(() => readErofs(bytes))).toMatch(/behind the end/)
  })

  it('with a target that is too long or holds a NUL are refused', () => {
    const { bytes, inode } = specimen()
    const { offset, xattrOffset } = inode('/dir/link')
    bytes[xattrOffset + 2] = 0
    expect(refusals(bytes)[1]).toMatch(/NUL/)
    bytes.writeUInt32LE(4097, offset + 8)
    expectRefused(bytes, /4097 bytes/)
  })

  it('with too many chunks are refused', () => {
    const { bytes, inode } = specimen()
    const { offset } = inode('/dir/ext')
    bytes.writeUInt32LE(0xffffffff, offset + 8)
    bytes.writeUInt32LE(0, offset + 16)
    expectRefused(bytes, /1025 chunks/)
  })
})

describe('attributes', () => {
  const area = (path: string, change: (bytes: Buffer, at: number, inode: number) => void) => {
    const { bytes, inode } = specimen()
    const { xattrOffset, offset } = inode(path)
    change(bytes, xattrOffset, offset)
    return bytes
  }

  it('in an area that reaches behind the end are refused', () => {
    const bytes = area('/dir/ext', (image, _at, inode) => image.writeUInt16LE(0xffff, inode + 2))
    expectRefused(bytes, /cut off/)
  })

  it('in an area that says too many shared ones are refused', () => {
    expectRefused(
      area('/dir/ext', (image, at) => image.writeUInt8(255, at + 4)),
      /more attributes than fit/,
    )
  })

  it('shared with a wrong id are refused', () => {
    for (const id of [0x10000, 0xffffffff]) {
      expectRefused(
        area('/dir/ext', (image, at) => image.writeUInt32LE(id, at + 12)),
        /shared attribute \d+ .* behind the end/,
      )
    }
  })

  it('that are longer than their area are refused', () => {
    expectRefused(
      area('/dir/ext', (image, at) => image.writeUInt16LE(0xffff, at + 16 + 2)),
      /longer than its place/,
    )
    expectRefused(
      area('/dir/ext', (image, at) => image.writeUInt8(255, at + 16)),
      /longer than its place|malformed/,
    )
  })

  it('with unknown name prefixes are refused', () => {
    expectRefused(
      area('/dir/ext', (image, at) => image.writeUInt8(7, at + 17)),
      /unknown name prefix 7/,
    )
    expectRefused(
      area('/dir/ext', (image, at) => image.writeUInt8(0x81, at + 17)),
      /long name prefix 129/,
    )
  })

  it('with a malformed digest are refused', () => {
    const value = 16 + 4 + 'overlay.metacopy'.length
    for (const [offset, byte] of [
      [0, 1],
      [1, 0x44],
      [2, 1],
      [3, 2],
      [3, 3],
    ] as const) {
      expectRefused(
        area('/dir/ext', (image, at) => image.writeUInt8(byte, at + value + offset)),
        /malformed/,
      )
    }
  })

  it('that refer to an object, on a file with content, are refused', () => {
    const { bytes, inode } = specimen()
    // As if the chunk index were four bytes of content.
    const { offset } = inode('/dir/ext')
    bytes.writeUInt16LE((bytes.readUInt16LE(offset) & 1) | (2 << 1), offset)
    bytes.writeUInt32LE(4, offset + 8)
    expectRefused(bytes, /refers to an object/)
  })
})

describe('images that make readers work', () => {
  it('through areas that overlap are refused', () => {
    const lines = Array.from(
      { length: 3000 },
      (_, i) => `/p${String(i).padStart(4, '0')} 0 10644 1 0 0 0 1.0 - - -`,
    )
    const source = parseDump(Buffer.from(['/ 0 40755 2 0 0 0 1.0 - - -', ...lines, ''].join('\n')))
    const bytes = Buffer.concat([
      writeErofs(source, { version: 1, algorithm: 'sha256' }),
      Buffer.alloc(300 * 4096),
    ])
    bytes.writeUInt32LE(bytes.length / 4096, 1024 + 36)
    const first = readErofs(bytes).lookup('/p0000')!.offset
    for (let i = 0; i < 3000; i++) bytes.writeUInt16LE(0xffff, first + i * 32 + 2)
    const start = performance.now()
    expect(refusals(bytes)[0]).toMatch(/claim the same bytes/)
    expect(performance.now() - start).toBeLessThan(2000)
  })

  it('through directories that nest too deeply are refused', () => {
    const path = (depth: number) => '/d'.repeat(depth)
    const lines = Array.from({ length: 2100 }, (_, i) => `${path(i) || '/'} 0 40755 3 0 0 0 1.0 - - -`)
    const bytes = writeErofs(parseDump(Buffer.from(lines.join('\n'))), { version: 0, algorithm: 'sha256' })
    expectRefused(Buffer.from(bytes), /nested deeper/)
  })
})
