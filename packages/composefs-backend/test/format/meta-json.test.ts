import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import {
  newMetaJson,
  parseMetaJson,
  printMetaJson,
  unknownReadOnlyFeatures,
} from '../../src/format/meta-json.js'

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))

/** As `cfsctl init` writes it. */
const byDefault = `{
  "version": 1,
  "algorithm": "fsverity-sha512-12",
  "features": {
    "compatible": [],
    "read-only-compatible": [
      "v1_erofs"
    ],
    "incompatible": []
  },
  "erofs_formats": {
    "default": 1
  }
}
`

const reasonOf = (data: Uint8Array): string => {
  try {
    parseMetaJson(data)
  } catch (error) {
    if (isBootcError(error, 'STORE_COMPOSEFS_BAD_META')) return error.details.reason
    throw error
  }
  return 'no error'
}

describe('meta.json', () => {
  it('is printed as cfsctl prints it', () => {
    expect(printMetaJson(newMetaJson('sha512', 1)).toString()).toBe(byDefault)
    expect(printMetaJson(newMetaJson('sha512', 1))).toHaveLength(219)
    const v2 = printMetaJson(newMetaJson('sha256', 2)).toString()
    expect(v2).toContain('"read-only-compatible": [],')
    expect(v2).toContain('"fsverity-sha256-12"')
    expect(v2).toContain('"default": 2')
  })

  it('comes back the same from what was printed', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const version of [0, 1, 2] as const) {
        const meta = newMetaJson(algorithm, version)
        expect(parseMetaJson(printMetaJson(meta))).toEqual(meta)
        const more = { ...meta, extraErofsVersions: [2] as const }
        if (version !== 2) expect(parseMetaJson(printMetaJson(more))).toEqual(more)
      }
    }
  })

  it('tells the EROFS format of old files by the feature', () => {
    const old = { version: 1, algorithm: 'fsverity-sha256-12' }
    expect(parseMetaJson(bytes(old)).erofsVersion).toBe(2)
    const features = { 'read-only-compatible': ['v1_erofs'] }
    expect(parseMetaJson(bytes({ ...old, features })).erofsVersion).toBe(1)
    const two = { ...old, features, erofs_formats: { default: 2 } }
    expect(parseMetaJson(bytes(two)).erofsVersion).toBe(1)
    const both = { ...two, erofs_formats: { default: 2, extra: [1] } }
    expect(parseMetaJson(bytes(both))).toMatchObject({ erofsVersion: 2, extraErofsVersions: [1] })
    expect(parseMetaJson(bytes({ ...old, erofs_formats: { default: 1 } })).erofsVersion).toBe(1)
  })

  it('ignores compatible features and unknown members, and reports read-only ones', () => {
    const meta = parseMetaJson(
      bytes({
        version: 1,
        algorithm: 'fsverity-sha512-12',
        features: { compatible: ['x'], 'read-only-compatible': ['v1_erofs', 'y'], later: 1 },
        more: {},
      }),
    )
    expect(meta.features.compatible).toEqual(['x'])
    expect(unknownReadOnlyFeatures(meta)).toEqual(['y'])
  })

  it('refuses what it cannot know', () => {
    const good = { version: 1, algorithm: 'fsverity-sha512-12' }
    expect(reasonOf(bytes({ ...good, version: 2 }))).toBe('version 2 is not supported')
    expect(reasonOf(bytes({ ...good, features: { incompatible: ['z'] } }))).toBe('needs the feature "z"')
    expect(reasonOf(bytes({ ...good, algorithm: 'fsverity-sha512-16' }))).toContain('is not supported')
    expect(reasonOf(bytes({ ...good, algorithm: 5 }))).toContain('is not supported')
    expect(reasonOf(bytes({ version: 1 }))).toContain('is not supported')
    expect(reasonOf(bytes({ ...good, erofs_formats: { default: 3 } }))).toContain('EROFS format 3')
    expect(reasonOf(bytes({ ...good, erofs_formats: { default: 1, extra: 2 } }))).toContain('"extra"')
    expect(reasonOf(bytes({ ...good, features: { compatible: [1] } }))).toContain('"compatible"')
    expect(reasonOf(bytes([]))).toContain('is not an object')
    expect(reasonOf(Buffer.from('\ufeff{}'))).toBe('is not JSON')
    expect(reasonOf(Buffer.from([0x7b, 0xff, 0x7d]))).toBe('is not JSON')
    expect(reasonOf(Buffer.alloc(2 << 20, ' '))).toContain('larger than')
  })

  it('is refused with its own error wherever it is cut, and however it is changed', () => {
    for (let cut = 0; cut < byDefault.length - 2; cut++) {
      expect(reasonOf(Buffer.from(byDefault.slice(0, cut))), `cut at ${cut}`).toBe('is not JSON')
    }
    fc.assert(
      fc.property(fc.nat(byDefault.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(byDefault)
        changed[at] = value
        expect(typeof reasonOf(changed)).toBe('string')
      }),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(fc.json(), (text) => void reasonOf(Buffer.from(text))))
  })
})
