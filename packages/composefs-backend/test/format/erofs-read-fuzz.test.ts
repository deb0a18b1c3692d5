import { describe, expect, it } from 'vitest'
import { readErofs } from '../../src/format/erofs/read.js'
import { refusal, refusals } from './erofs-specimen.js'
import { readGolden } from './golden-images.js'

describe('a truncated image', () => {
  it('is refused, wherever it ends', () => {
    for (const file of ['02-basic-types.rs-V2-sha256', '12-hardlinks.c-default', '06-xattrs.rs-V2-sha256']) {
      const whole = readGolden(`${file}.erofs.gz`)
      const taken: number[] = []
      for (let length = 0; length < whole.length; length++) {
        if (refusal(() => readErofs(whole.subarray(0, length))) === '') taken.push(length)
      }
      expect(taken).toEqual([])
    }
  })

  it('is refused inside too, when its superblock was shortened with it', () => {
    const whole = readGolden('12-hardlinks.c-default.erofs.gz')
    for (let blocks = 1; blocks < whole.length / 4096; blocks++) {
      const cut = Buffer.from(whole.subarray(0, blocks * 4096))
      cut.writeUInt32LE(blocks, 1024 + 36)
      expect(refusals(cut).filter((reason) => reason !== '').length).toBeGreaterThan(0)
    }
  })
})

describe('a changed image', () => {
  const files = [
    '02-basic-types.c-default',
    '06-xattrs.c-default',
    '06-xattrs.rs-V2-sha256',
    '11-external-sizes.rs-V0-sha512',
    '12-hardlinks.rs-V2-sha512',
    '13-symlinks.c-default',
    '15-whiteouts.c-default',
    '23-os-like.rs-V1-sha512',
  ].map((file) => readGolden(`${file}.erofs.gz`))

  it.each([1, 2, 3, 4])('is read or refused, in no time and with our error (seed %i)', (seed) => {
    const random = generator(seed)
    let slowest = 0
    for (let round = 0; round < 700; round++) {
      const bytes = Buffer.from(files[random() % files.length]!)
      for (let flips = 1 + (random() % 4); flips > 0; flips--) {
        const at = random() % 4 === 0 ? 1024 + (random() % 128) : random() % bytes.length
        bytes[at] = [0, 255, bytes[at]! ^ (1 << (random() % 8)), random() & 255][random() % 4]!
      }
      const start = performance.now()
      refusals(bytes)
      slowest = Math.max(slowest, performance.now() - start)
    }
    expect(slowest).toBeLessThan(2000)
  })
})

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}
