import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import { unzstdStream } from '@bootc-sdk/core/codec'
import {
  encodeSplitstreamPrefix,
  parseIds,
  parseSplitstreamHeader,
  parseSplitstreamInfo,
} from '../../src/format/splitstream.js'
import { encodeNamedRefs, parseNamedRefs } from '../../src/format/splitstream-names.js'
import { PieceParser, type SplitstreamPiece } from '../../src/format/splitstream-pieces.js'
import { emptyZstdFrame, RawZstdEncoder } from '../../src/format/zstd-frame.js'

const golden = (name: string) =>
  readFileSync(new URL(`../golden/oci/splitstream/${name}.splitstream`, import.meta.url))

const layer = golden('basic-layer.sha256')
const old = golden('basic-layer.sha256.oldheader')

const file = (bytes: Uint8Array) => ({ name: 's', sizeBytes: bytes.length, algorithm: 'sha256' as const })

function parse(bytes: Buffer) {
  const { start, end } = parseSplitstreamHeader(bytes.subarray(0, 32), file(bytes))
  return parseSplitstreamInfo(bytes.subarray(start, end), file(bytes))
}

/** The reason given, `no error` when there is none; anything but an error of ours fails. */
function reasonOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isBootcError(error, 'STORE_COMPOSEFS_BAD_STREAM')) return error.details.reason
    throw error
  }
  return 'no error'
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function* one(bytes: Uint8Array) {
  yield bytes
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

/** Pieces with adjacent inline parts joined. */
function pieces(bytes: Uint8Array, chunkBytes: number, objects = 4, maxBytes = 1 << 20) {
  const parser = new PieceParser('s', objects, maxBytes)
  const out: (number | string)[] = []
  const add = (piece: SplitstreamPiece) => {
    if ('index' in piece) out.push(piece.index)
    else {
      const text = Buffer.from(piece.inline).toString('latin1')
      if (typeof out.at(-1) === 'string') out.push((out.pop() as string) + text)
      else out.push(text)
    }
  }
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    for (const piece of parser.push(bytes.subarray(at, at + chunkBytes))) add(piece)
  }
  parser.end()
  return out
}

describe('the header of a splitstream', () => {
  it('is read in both layouts with the same result', () => {
    expect(parse(old)).toEqual(parse(layer))
    expect(old.subarray(32)).toEqual(layer.subarray(32))
  })

  it('is written as composefs-rs writes it', () => {
    const info = parse(layer)
    const section = ({ start, end }: { start: number; end: number }) => layer.subarray(start, end)
    const prefix = encodeSplitstreamPrefix({
      algorithm: 'sha256',
      streamRefs: parseIds(section(info.streamRefs), 'sha256'),
      objectRefs: parseIds(section(info.objectRefs), 'sha256'),
      namedRefs: section(info.namedRefs),
      streamBytes: info.stream.end - info.stream.start,
      contentType: info.contentType,
      sizeBytes: info.sizeBytes,
    })
    expect(prefix).toEqual(layer.subarray(0, info.stream.start))
    expect(section(info.namedRefs)).toEqual(Buffer.from(emptyZstdFrame))
  })

  it('has the same references, however many they are', () => {
    const section = Buffer.alloc(2 * 65536 * 32 + 32)
    for (let i = 0; i < section.length / 32; i++) section.writeUInt32BE(i, 32 * i)
    const ids = parseIds(section, 'sha256')
    expect(ids.length).toBe(2 * 65536 + 1)
    for (const i of [0, 65535, 65536, 131071, 131072]) {
      expect(ids[i]).toBe(i.toString(16).padStart(8, '0') + '0'.repeat(56))
    }
  })

  it('may have a longer info section, with more to come', () => {
    const grown = Buffer.from(layer)
    grown.writeBigUInt64LE(200n, 24)
    expect(parse(grown)).toEqual(parse(layer))
  })

  it('is refused when it is cut', () => {
    for (let cut = 0; cut < 112; cut++) {
      expect(
        reasonOf(() => parse(layer.subarray(0, cut))),
        `cut at ${cut}`,
      ).not.toBe('no error')
    }
    // All sections end with the file.
    expect(reasonOf(() => parse(layer.subarray(0, -1)))).toContain('stream at')
  })

  it('is refused when it lies', () => {
    const changed = (at: number, value: bigint) => {
      const bytes = Buffer.from(layer)
      bytes.writeBigUInt64LE(value, at)
      return reasonOf(() => parse(bytes))
    }
    expect(changed(16, 0xffffffffffffffffn)).toContain('info at')
    expect(changed(24, 40n)).toContain('info section is too short')
    expect(changed(32, 1n << 63n)).toContain('stream references at')
    expect(changed(40, 113n)).toContain('not whole digests')
    expect(changed(72, 0n)).toContain('stream at')
    expect(changed(104, 1n << 60n)).toContain('size of')
    const version = Buffer.from(layer)
    version[11] = 1
    expect(reasonOf(() => parse(version))).toContain('version 1')
    const algorithm = Buffer.from(layer)
    algorithm[14] = 2
    expect(reasonOf(() => parse(algorithm))).toContain('not that of the repository')
    const bits = Buffer.from(old)
    bits[31] = 16
    expect(reasonOf(() => parse(bits))).toContain('block size')
    expect(reasonOf(() => parse(Buffer.alloc(200)))).toBe('is not a splitstream')
  })

  it('never does worse than an error of ours, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.nat(111), fc.uint8Array({ minLength: 1, maxLength: 16 }), (at, noise) => {
        const bytes = Buffer.from(layer)
        bytes.set(noise.subarray(0, bytes.length - at), at)
        reasonOf(() => parse(bytes))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('named references', () => {
  it('are sorted by the bytes of their names', () => {
    const refs = new Map([
      ['sha256:b', 1],
      ['\u{1f600}', 0],
      ['\uff00', 2],
      ['sha256:a', 1],
    ])
    expect(encodeNamedRefs(refs).toString()).toBe(
      '1:sha256:a\0' + '1:sha256:b\0' + '2:\uff00\0' + '0:\u{1f600}\0',
    )
  })

  it('come back the same', () => {
    const names = fc.uniqueArray(
      fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0') && s.isWellFormed()),
    )
    fc.assert(
      fc.property(names, (list) => {
        const ids = list.map((_, i) => i.toString(16).padStart(64, '0'))
        const parsed = parseNamedRefs(encodeNamedRefs(new Map(list.map((n, i) => [n, i]))), ids, 's')
        expect(parsed).toEqual(new Map(list.map((name, i) => [name, ids[i]])))
      }),
    )
  })

  it('are refused when they are damaged', () => {
    const ids = ['00'.repeat(32)]
    for (const text of [
      '0:a',
      '0a\0',
      ':a\0',
      '1:a\0',
      '-0:a\0',
      '0x0:a\0',
      'a:0\0',
      '0:a\0\0',
      `${'9'.repeat(30)}:a\0`,
    ]) {
      expect(
        reasonOf(() => parseNamedRefs(Buffer.from(text), ids, 's')),
        text,
      ).not.toBe('no error')
    }
    expect(reasonOf(() => parseNamedRefs(Buffer.from([0x30, 0x3a, 0xff, 0]), ids, 's'))).toContain('UTF-8')
    expect(parseNamedRefs(Buffer.from('0:a:b\0+0:\0'), ids, 's')).toEqual(
      new Map([
        ['a:b', ids[0]],
        ['', ids[0]],
      ]),
    )
  })
})

describe('the pieces of a splitstream', () => {
  const stream = Buffer.concat([
    number(-5),
    Buffer.from('hello'),
    number(3),
    number(0),
    number(-1),
    Buffer.from('x'),
  ])

  it('are the same however the chunks fall', () => {
    for (let chunk = 1; chunk <= stream.length; chunk++) {
      expect(pieces(stream, chunk)).toEqual(['hello', 3, 0, 'x'])
    }
  })

  it('are refused when they are cut', () => {
    const ends = new Set([0, 13, 21, 29, 38])
    for (let cut = 0; cut <= stream.length; cut++) {
      const reason = reasonOf(() => pieces(stream.subarray(0, cut), 7))
      expect(reason, `cut at ${cut}`).toBe(ends.has(cut) ? 'no error' : 'ends in a piece')
    }
  })

  it('are refused for objects that are not listed and for more inline bytes than stated', () => {
    expect(reasonOf(() => pieces(number(4), 8))).toContain('no object has the number 4')
    expect(reasonOf(() => pieces(number(2 ** 52), 8))).toContain('no object')
    const most = Buffer.alloc(8, 0xff)
    most[7] = 0x7f
    expect(reasonOf(() => pieces(most, 8))).toContain('no object')
    expect(reasonOf(() => pieces(Buffer.from('0000000000000080', 'hex'), 8))).toContain('more than its size')
    expect(reasonOf(() => pieces(stream, 8, 4, 5))).toContain('more than its size')
    expect(pieces(stream, 8, 4, 6)).toHaveLength(4)
  })
})

describe('frames without compression', () => {
  it('are valid zstd of the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 }), async (chunks) => {
        const encoder = new RawZstdEncoder()
        const frame = Buffer.concat([...chunks.map((chunk) => encoder.push(chunk)), encoder.end()])
        expect(await collect(unzstdStream(one(frame)))).toEqual(Buffer.concat(chunks))
      }),
    )
    const large = Buffer.alloc(500_000, 'abcdefg')
    const encoder = new RawZstdEncoder()
    const frame = Buffer.concat([encoder.push(large), encoder.end()])
    expect(await collect(unzstdStream(one(frame)))).toEqual(large)
  })

  it('are what libzstd makes of nothing', async () => {
    expect(new RawZstdEncoder().end().toString('hex')).toBe('28b52ffd2000010000')
    expect(await collect(unzstdStream(one(emptyZstdFrame)))).toHaveLength(0)
  })
})
