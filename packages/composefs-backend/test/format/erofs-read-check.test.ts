import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { checkErofs, type CheckErofsOptions } from '../../src/format/erofs/check.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import { refusal, specimen } from './erofs-specimen.js'
import { goldenImages } from './golden-images.js'

const check = (bytes: Uint8Array, options?: CheckErofsOptions) =>
  refusal(() => checkErofs(readErofs(bytes), options))

const write = (version: 0 | 1 | 2, ...lines: string[]) => {
  const text = ['/ 0 40755 2 0 0 0 1.0 - - -', ...lines].join('\n')
  return Buffer.from(writeErofs(parseDump(Buffer.from(text)), { version, algorithm: 'sha256', flavor: 'rs' }))
}

describe('images of the real tools', () => {
  const images = goldenImages().filter(({ image }) => image !== undefined)
  it.each(images)('$name of $variant is sound', ({ name, variant, image }) => {
    const bytes = image!()
    // composefs-rs refuses these two cases as well, the second although it wrote the image.
    const wrongLinks = name === '20-nlink-overflow' && variant.startsWith('c:')
    const escaped = name === '08-overlay-xattr-escape' && variant.startsWith('rs:V2')
    expect(check(bytes)).toMatch(
      wrongLinks ? /has 1 links, but says 6553/ : escaped ? /escaped whiteout, which version 2/ : /^$/,
    )
    if (wrongLinks) expect(check(bytes, { nlink: false })).toBe('')
  })
})

describe('an image is refused', () => {
  it('when a name that hides objects is missing from the root', () => {
    const { bytes, name } = specimen(1)
    bytes.write('fg', name('/', 'ff'), 'latin1')
    expect(check(bytes)).toMatch(/is a whiteout outside of the stubs/)
    // As a socket it is no whiteout, and the name is missing.
    const stub = specimen(1)
    stub.bytes.write('fg', stub.name('/', 'ff'), 'latin1')
    stub.bytes[stub.dirent('/', 'fg') + 10] = 6
    stub.bytes.writeUInt16LE(0o140644, stub.inode('/ff').offset + 4)
    expect(check(stub.bytes)).toMatch(/has 255 of the 256 names/)
  })

  it('when a real whiteout lies elsewhere', () => {
    const { bytes, inode } = specimen(1)
    const { offset } = inode('/dir/pipe')
    bytes.writeUInt16LE(0o20644, offset + 4)
    expect(check(bytes)).toMatch(/file type/)
    bytes[specimen(1).dirent('/dir', 'pipe') + 10] = 3
    expect(check(bytes)).toMatch(/is a whiteout outside of the stubs/)
    expect(check(write(2, '/pipe 0 20644 1 0 0 0 1.0 - - -'))).toBe('')
  })

  it('when links are miscounted', () => {
    for (const path of ['/dir', '/dir/a', '/dir/sub']) {
      const { bytes, inode } = specimen(1)
      bytes.writeUInt16LE(7, inode(path).offset + 6)
      expect(check(bytes)).toMatch(/links, but says 7/)
      expect(check(bytes, { nlink: false })).toBe('')
    }
  })

  it('when inodes are miscounted', () => {
    const { bytes } = specimen(1)
    bytes.writeUInt32LE(999, 1024 + 16)
    expect(check(bytes)).toMatch(/counts 999 inodes/)
  })

  it('when a filter hides an attribute from the kernel', () => {
    const { bytes, inode } = specimen(1)
    bytes.writeUInt32LE(0xffffffff, inode('/dir/ext').xattrOffset)
    expect(check(bytes)).toMatch(/has a filter that hides (trusted|user)\./)
    bytes.writeUInt32LE(2, 1024 + 8)
    expect(check(bytes)).toBe('')
  })

  it('when a file has its content in a chunk of the image', () => {
    const { bytes, inode } = specimen(1)
    const { xattrOffset, xattrSize } = inode('/dir/ext')
    bytes.writeUInt32LE(0, xattrOffset + xattrSize)
    expect(check(bytes)).toMatch(/content in a chunk/)
  })

  it('when an inline tail crosses a block', () => {
    const lines = Array.from(
      { length: 80 },
      (_, i) => `/f${i + 10} 60 100644 1 0 0 0 1.0 - ${'x'.repeat(60)} -`,
    )
    const bytes = write(2, ...lines)
    const image = readErofs(bytes)
    const nearEnd = (offset: number) => offset % 4096 >= 3904 && offset % 4096 <= 4000
    const crossing = [...image.walk()].find(({ inode }) => nearEnd(inode.offset))!.inode
    bytes.writeUInt32LE(400, crossing.offset + 8)
    expect(check(bytes)).toMatch(/tail that crosses a block/)
  })

  it('when it has ACLs that the header denies', () => {
    const bytes = write(1, '/f 1 100644 1 0 0 0 1.0 - x - system.posix_acl_access=x')
    expect(check(bytes)).toBe('')
    bytes.writeUInt32LE(0, 8)
    expect(check(bytes)).toMatch(/ACLs/)
  })

  it('when version 2 holds more inline than it may', () => {
    const bytes = write(2, `/f 500 100644 1 0 0 0 1.0 - ${'x'.repeat(500)} -`)
    const at = readErofs(bytes).lookup('/f')!
    expect(check(bytes)).toBe('')
    bytes.writeUInt32LE(513, at.offset + 8)
    expect(check(bytes)).toMatch(/513 bytes inline, version 2 allows 512/)
  })

  it('when digests are of both algorithms', () => {
    const external = (name: string, digest: string) =>
      `/${name} 9 100644 1 0 0 0 1.0 ${digest.slice(0, 2)}/${digest.slice(2)} - ${digest}`
    // The writer makes no such image: an attribute of the same length becomes the digest.
    const value = `${String.raw`\x00\x44\x00\x02`}${'d'.repeat(64)}`
    const bytes = write(
      1,
      external('a', 'ab'.repeat(32)),
      `${external('b', 'cd'.repeat(32))} trusted.overlay-metacopy=${value}`,
    )
    bytes.write('.', bytes.indexOf('overlay-metacopy') + 'overlay'.length, 'latin1')
    bytes.writeUInt32LE(2, 1024 + 8)
    expect(readErofs(bytes).external(readErofs(bytes).lookup('/b')!)?.digest).toBe('64'.repeat(64))
    expect(check(bytes)).toMatch(/digest of another algorithm/)
    expect(refusal(() => [...readErofs(bytes).objects()])).toMatch(/both algorithms/)
  })
})
