import { describe, expect, it } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { planErofs, writeErofs } from '../../src/format/erofs/write.js'
import { goldenImages, readGolden } from './golden-images.js'

const cases = goldenImages()

describe('images of the real tools', () => {
  it.each(cases.filter(({ image }) => image !== undefined))(
    'writes $name as $variant does',
    ({ options, input, image }) => {
      const tree = parseDump(readGolden(input), { flavor: options.flavor ?? 'c' })
      const wanted = image?.() as Buffer
      const written = writeErofs(tree, options)
      expect(firstDifference(written, wanted)).toBe(-1)
      const plan = planErofs(tree, options)
      expect(Buffer.concat([...plan.chunks()]).equals(wanted)).toBe(true)
      expect(plan.sizeBytes).toBe(wanted.length)
    },
  )

  it.each(cases.filter(({ image }) => image === undefined))(
    'refuses the dump of $name as $variant does',
    ({ options, input }) => {
      expect(() => parseDump(readGolden(input), { flavor: options.flavor ?? 'c' })).toThrow(
        expect.objectContaining({ code: 'STORE_COMPOSEFS_BAD_DUMP' }),
      )
    },
  )

  it('has them all', () => {
    expect(cases.length).toBe(225)
  })
})

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.from(a).equals(b)) return -1
  for (let i = 0; ; i++) if (a[i] !== b[i]) return i
}
