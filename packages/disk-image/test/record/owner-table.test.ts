import fc from 'fast-check'
import { decodeName } from '@bootc-sdk/core/names'
import { expect, test } from 'vitest'
import { parseOwners, printOwners, type OwnerRecord } from '../../src/index.js'

const id = fc.integer({ min: 0, max: 0xffffffff })
const record: fc.Arbitrary<OwnerRecord> = fc
  .record({
    uid: id,
    gid: id,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    xattrs: fc
      .uniqueArray(
        fc.record({ name: fc.stringMatching(/^user\.[a-z]{1,9}$/), value: fc.uint8Array({ maxLength: 20 }) }),
        { selector: ({ name }) => name },
      )
      .map((xattrs) =>
        xattrs
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, value }) => ({ name, value: Buffer.from(value) })),
      ),
    immutable: fc.boolean(),
    node: fc.option(fc.record({ type: fc.constantFrom('char', 'block', 'fifo'), major: id, minor: id }), {
      nil: undefined,
    }),
  })
  .map(({ node, ...rest }) => (node === undefined ? rest : { ...rest, node }))
const path = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => decodeName(bytes))

test('what is printed is read again, names of any bytes included', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(path, record)), (entries) => {
      const table = new Map(entries)
      const text = printOwners(table)
      expect(parseOwners(text)).toEqual(table)
      expect(printOwners(new Map([...table].reverse()))).toBe(text)
    }),
  )
})

const head = '{"bootc-sdk-owners":1}\n'
test.each([
  ['nothing', ''],
  ['another version', '{"bootc-sdk-owners":2}\n'],
  ['a text cut off', `${head}["a",0,0,"644",0,{}`],
  ['no JSON', `${head}a\n`],
  ['too few members', `${head}["a",0,0]\n`],
  ['a negative id', `${head}["a",-1,0,"644",0,{}]\n`],
  ['a mode with 8', `${head}["a",0,0,"684",0,{}]\n`],
  ['attributes that are a list', `${head}["a",0,0,"644",0,[]]\n`],
  ['a path twice', `${head}["a",0,0,"644",0,{}]\n["a",0,0,"644",0,{}]\n`],
])('%s is refused', (_what, text) => {
  expect(() => parseOwners(text)).toThrow(expect.objectContaining({ code: 'SYSROOT_OWNERS_INVALID' }))
})
