import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { composefsKarg, parseComposefsKarg, parseComposefsKargs } from '../../src/boot/karg.js'
import type { ComposefsKarg } from '../../src/boot/karg.js'
import { goldenOci } from '../tree/golden-images.js'

const id256 = 'ab'.repeat(32)
const id512 = 'cd'.repeat(64)

describe('the argument that names an image', () => {
  test.each<[string, Omit<ComposefsKarg, 'id'> & { id?: string }]>([
    [`composefs=${id512}`, { algorithm: 'sha512', optional: false, spelling: 'composefs' }],
    [`composefs=?${id512}`, { algorithm: 'sha512', optional: true, spelling: 'composefs' }],
    [`composefs=${id256}`, { id: id256, algorithm: 'sha256', optional: false, spelling: 'composefs' }],
    [
      `composefs.digest=v1-sha512-12:${id512}`,
      { algorithm: 'sha512', optional: false, spelling: 'composefs.digest', version: 1 },
    ],
    [
      `composefs.digest=?v2-sha256-12:${id256}`,
      { id: id256, algorithm: 'sha256', optional: true, spelling: 'composefs.digest', version: 2 },
    ],
  ])('%s', (word, expected) => {
    expect(parseComposefsKarg(`root=x ${word} quiet`)).toEqual({ id: id512, ...expected })
  })

  test('the long spelling goes before the short one, the first before others', () => {
    const other = 'ef'.repeat(64)
    const cmdline = `composefs=${other} composefs.digest=v1-sha512-12:${id512} composefs.digest=v1-sha512-12:${other}`
    expect(parseComposefsKarg(cmdline)?.id).toBe(id512)
    expect(parseComposefsKargs(cmdline).map(({ id }) => id)).toEqual([other, id512, other])
  })

  test('the long spelling of another hash is passed over when one is wanted', () => {
    const cmdline = `composefs.digest=v1-sha256-12:${id256} composefs=?${id512}`
    expect(parseComposefsKarg(cmdline, 'sha512')).toMatchObject({ id: id512, optional: true })
    expect(parseComposefsKarg(cmdline, 'sha256')).toMatchObject({ id: id256 })
    expect(parseComposefsKarg(cmdline)).toMatchObject({ id: id256 })
  })

  test.each(['', 'root=x', `composefs_x=${id512}`, `xcomposefs=${id512}`, `"a composefs=${id512}"`])(
    '%j names none',
    (cmdline) => expect(parseComposefsKarg(cmdline)).toBeUndefined(),
  )

  test.each([
    'composefs=',
    'composefs=?',
    `composefs=${id512}0`,
    `composefs="${id512}"`,
    `composefs=??${id512}`,
    `composefs=${'g'.repeat(64)}`,
    `composefs.digest=${id512}`,
    `composefs.digest=v3-sha512-12:${id512}`,
    `composefs.digest=v1-sha512-16:${id512}`,
    `composefs.digest=v1-sha256-12:${id512}`,
    `composefs.digest=v1-md5-12:${id512}`,
  ])('%s is refused', (cmdline) => {
    const invalid = expect.objectContaining({ code: 'STORE_COMPOSEFS_INVALID' })
    expect(() => parseComposefsKarg(cmdline)).toThrow(invalid)
  })

  test('is the one that cfsctl writes into a boot entry', () => {
    const entry = readFileSync(new URL('boot/bootable.default-id.conf', goldenOci), 'utf8')
    const options = /^options (.*)$/m.exec(entry)![1]!
    const karg = parseComposefsKarg(options, 'sha512')!
    const { composefs_boot_erofs: id } = JSON.parse(
      readFileSync(new URL('out/s512v1/bootable.inspect.json', goldenOci), 'utf8'),
    ) as { composefs_boot_erofs: string }
    expect(karg.id).toBe(id)
    expect(composefsKarg(id, karg)).toBe(options.trim())
  })

  test('what is printed is read again', () => {
    fc.assert(
      fc.property(
        fc.record({
          id: fc.constantFrom(id256, id512),
          optional: fc.boolean(),
          spelling: fc.constantFrom('composefs' as const, 'composefs.digest' as const),
          version: fc.constantFrom(0 as const, 1 as const, 2 as const),
        }),
        ({ id, ...options }) => {
          const parsed = parseComposefsKarg(composefsKarg(id, options))
          const { optional, spelling } = options
          expect(parsed).toMatchObject({ id, optional, spelling })
          // Version 0 is booted as version 1.
          if (spelling === 'composefs.digest') expect(parsed!.version).toBe(options.version === 2 ? 2 : 1)
        },
      ),
    )
    expect(composefsKarg(id512)).toBe(`composefs=${id512}`)
    expect(composefsKarg(id256, { optional: true, spelling: 'composefs.digest' })).toBe(
      `composefs.digest=?v1-sha256-12:${id256}`,
    )
    expect(() => composefsKarg('xyz')).toThrow(expect.objectContaining({ code: 'STORE_COMPOSEFS_INVALID' }))
  })
})
