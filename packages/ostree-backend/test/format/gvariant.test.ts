import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { decodeVariant, encodeVariant } from '../../src/format/index.js'

interface Vector {
  type: string
  text: string
  hex: string
}
const { vectors } = JSON.parse(
  readFileSync(new URL('../golden/ostree/gvariant-vectors.json', import.meta.url), 'utf8'),
) as { vectors: Vector[] }

describe('GVariant', () => {
  it('decodes and re-encodes all vectors made by GLib', () => {
    expect(vectors).toHaveLength(73)
    for (const { type, hex, text } of vectors) {
      const value = decodeVariant(type, Buffer.from(hex, 'hex'))
      expect(encodeVariant(type, value).toString('hex'), `${type} ${text}`).toBe(hex)
    }
  })
})
