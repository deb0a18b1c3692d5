import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseImageReference } from '@bootc-sdk/core/oci'
import { escapeForRef, imageRef, layerRef, unescapeFromRef } from '../../src/container/ref-escape.js'
import { goldenPath } from './golden-images.js'

interface Rows {
  readonly tool: readonly { readonly image: string; readonly ref: string }[]
  readonly computed: readonly Readonly<Record<string, string>>[]
}
const rows = JSON.parse(readFileSync(goldenPath('ref-escape.json'), 'utf8')) as Rows

test.each(rows.tool)('image $image is filed as the real tool files it', ({ image, ref }) => {
  expect(imageRef(parseImageReference(image))).toBe(ref)
})

test.each(rows.computed)('row %o of the independent implementation', (row) => {
  const [input, escaped] = Object.values(row).filter((value) => typeof value === 'string') as [string, string]
  expect(escapeForRef(input)).toBe(escaped.replace(/^ostree\/container\/(?:image|blob)\//, ''))
})

test('layers are filed under their digest', () => {
  expect(layerRef(`sha256:${'ab'.repeat(32)}`)).toBe(`ostree/container/blob/sha256_3A_${'ab'.repeat(32)}`)
})

test('unescaping gives every text back', () => {
  const text = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((s) => !s.includes('\0') && s.isWellFormed())
  fc.assert(
    fc.property(text, (s) => {
      expect(unescapeFromRef(escapeForRef(s))).toBe(s)
    }),
  )
})

test.each(['', 'a.b', '_', '_4', '_zz_', '_110000_', '_D800_'])('%j is no escaped name', (name) => {
  expect(unescapeFromRef(name)).toBeUndefined()
})

test.each(['', 'a\0b'])('%j cannot be part of a ref', (text) => {
  expect(() => escapeForRef(text)).toThrow(expect.objectContaining({ code: 'STORE_OSTREE_REF_NAME' }))
})
