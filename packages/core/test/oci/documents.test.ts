import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  detectMediaType,
  mediaTypes,
  parseConfig,
  parseDigest,
  parseIndex,
  parseManifest,
  parseStrictJson,
  requireImageLayers,
  verifyDigest,
  sha256Digest,
} from '../../src/oci/index.js'

const digest = `sha256:${'a'.repeat(64)}`
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 10 }
const manifest = {
  schemaVersion: 2,
  config: { mediaType: mediaTypes.ociConfig, digest, size: 2 },
  layers: [layer],
}
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } }
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

describe('manifests', () => {
  test('unknown members are kept', () => {
    expect(parseManifest(json({ ...manifest, extra: [1] }))).toHaveProperty('extra', [1])
  })

  test.each<[string, unknown]>([
    ['an array', []],
    ['an index', { schemaVersion: 2, manifests: [] }],
    ['no schema version', { ...manifest, schemaVersion: undefined }],
    ['schema version 3', { ...manifest, schemaVersion: 3 }],
    ['no config', { ...manifest, config: undefined }],
    ['no layers', { ...manifest, layers: undefined }],
    ['layers that are no list', { ...manifest, layers: {} }],
    ['an upper-case digest', { ...manifest, layers: [{ ...layer, digest: digest.toUpperCase() }] }],
    ['a path for a digest', { ...manifest, layers: [{ ...layer, digest: 'sha256:../../x' }] }],
    ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }],
    ['a size in quotes', { ...manifest, layers: [{ ...layer, size: '10' }] }],
    ['a fractional size', { ...manifest, layers: [{ ...layer, size: 1.5 }] }],
    ['no media type', { ...manifest, layers: [{ ...layer, mediaType: undefined }] }],
    ['annotations that are no strings', { ...manifest, annotations: { a: 1 } }],
    ['too many layers', { ...manifest, layers: Array.from({ length: 1025 }, () => layer) }],
  ])('%s is refused', (_, value) => {
    expect(codeOf(() => parseManifest(json(value)))).toBe('IMAGE_MANIFEST_INVALID')
  })

  test.each([
    '{"schemaVersion":2,',
    '{}x',
    'null',
    '',
    '{"a":1,"a":1}',
    '{"schemaVersion":2,"n":9007199254740993}',
  ])('%j is refused', (text) => {
    expect(codeOf(() => parseManifest(Buffer.from(text)))).toBe('IMAGE_MANIFEST_INVALID')
  })

  test('schema 1 is named as such', () => {
    const old = { schemaVersion: 1, fsLayers: [] }
    expect(codeOf(() => parseManifest(json(old)))).toBe('IMAGE_MANIFEST_UNSUPPORTED')
    expect(codeOf(() => detectMediaType(json(old)))).toBe('IMAGE_MANIFEST_UNSUPPORTED')
    expect(codeOf(() => detectMediaType(json(manifest), mediaTypes.dockerManifestV1Signed))).toBe(
      'IMAGE_MANIFEST_UNSUPPORTED',
    )
  })

  test('five megabytes are too many', () => {
    const big = json({ ...manifest, annotations: { a: 'x'.repeat(5 << 20) } })
    for (const parse of [parseManifest, parseIndex, parseConfig])
      expect(codeOf(() => parse(big))).toBe('IMAGE_TOO_LARGE')
  })

  test('layers that are not tars make an artifact, encrypted ones are named', () => {
    const withType = (mediaType: string) =>
      parseManifest(json({ ...manifest, layers: [{ ...layer, mediaType }] }))
    for (const mediaType of [
      mediaTypes.ociLayer,
      mediaTypes.dockerLayerGzip,
      mediaTypes.ociForeignLayerZstd,
    ]) {
      expect(codeOf(() => requireImageLayers(withType(mediaType)))).toBeUndefined()
    }
    expect(codeOf(() => requireImageLayers(withType('application/vnd.cncf.helm.chart')))).toBe(
      'IMAGE_NOT_AN_IMAGE',
    )
    expect(codeOf(() => requireImageLayers(withType(`${mediaTypes.ociLayerGzip}+encrypted`)))).toBe(
      'IMAGE_ENCRYPTED',
    )
  })
})

describe('indexes', () => {
  test('entries must be descriptors', () => {
    expect(
      parseIndex(
        json({ schemaVersion: 2, manifests: [{ ...layer, platform: { architecture: 'arm', os: 'linux' } }] }),
      ).manifests.length,
    ).toBe(1)
    expect(codeOf(() => parseIndex(json({ schemaVersion: 2, manifests: [{}] })))).toBe(
      'IMAGE_MANIFEST_INVALID',
    )
    expect(codeOf(() => parseIndex(json(manifest)))).toBe('IMAGE_MANIFEST_INVALID')
  })
})

describe('configs', () => {
  test.each<[string, unknown]>([
    ['an empty artifact config', {}],
    ['no architecture', { ...config, architecture: undefined }],
    ['no operating system', { ...config, os: undefined }],
    ['no rootfs', { ...config, rootfs: undefined }],
    ['another kind of rootfs', { ...config, rootfs: { type: 'x', diff_ids: [] } }],
    ['diffIds that are none', { ...config, rootfs: { type: 'layers', diff_ids: ['x'] } }],
    ['labels that are no strings', { ...config, config: { Labels: { a: true } } }],
    ['an environment that is no list', { ...config, config: { Env: 'A=1' } }],
    ['history that is no list', { ...config, history: {} }],
  ])('%s is not an image', (_, value) => {
    expect(codeOf(() => parseConfig(json(value)))).toBe('IMAGE_NOT_AN_IMAGE')
  })

  test('there is one diffId a layer', () => {
    const parsed = parseManifest(json(manifest))
    expect(parseConfig(json(config), parsed).architecture).toBe('amd64')
    const two = { ...config, rootfs: { type: 'layers', diff_ids: [digest, digest] } }
    expect(codeOf(() => parseConfig(json(two), parsed))).toBe('IMAGE_DIFFID_MISMATCH')
  })

  test('a label called __proto__ is a label', () => {
    const text = JSON.stringify({ ...config, config: { Labels: {} } }).replace(
      '"Labels":{}',
      '"Labels":{"__proto__":"x"}',
    )
    const labels = parseConfig(Buffer.from(text)).config!.Labels!
    expect(Object.keys(labels)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })
})

describe('media types', () => {
  const docker = { ...manifest, config: { ...manifest.config, mediaType: mediaTypes.dockerConfig } }
  test.each<[string, unknown, string | undefined, string]>([
    ['a known header', manifest, `${mediaTypes.ociManifest}; charset=utf-8`, mediaTypes.ociManifest],
    [
      'the body under an unknown header',
      { ...manifest, mediaType: mediaTypes.ociManifest },
      'text/plain',
      mediaTypes.ociManifest,
    ],
    ['the config when nothing says it', manifest, undefined, mediaTypes.ociManifest],
    ['a Docker config when nothing says it', docker, 'application/octet-stream', mediaTypes.dockerManifest],
    ['manifests when nothing says it', { schemaVersion: 2, manifests: [] }, undefined, mediaTypes.ociIndex],
  ])('come from %s', (_, body, header, expected) => {
    expect(detectMediaType(json(body), header)).toBe(expected)
  })

  test('a header that contradicts the body is refused', () => {
    const body = json({ ...manifest, mediaType: mediaTypes.ociManifest })
    expect(codeOf(() => detectMediaType(body, mediaTypes.dockerManifest))).toBe('IMAGE_MEDIA_TYPE_MISMATCH')
  })
})

describe('digests', () => {
  test('only lower-case sha256 and sha512 pass', () => {
    expect(parseDigest(digest)).toBe(digest)
    for (const text of [
      '',
      'sha256:',
      digest.toUpperCase(),
      `${digest}0`,
      `sha1:${'a'.repeat(40)}`,
      `${digest}\n`,
    ]) {
      expect(codeOf(() => parseDigest(text))).toBe('IMAGE_DIGEST_INVALID')
    }
  })

  test('content is compared with what was promised', () => {
    const bytes = Buffer.from('x')
    verifyDigest(bytes, sha256Digest(bytes), 1)
    expect(codeOf(() => verifyDigest(bytes, sha256Digest(bytes), 2))).toBe('IMAGE_SIZE_MISMATCH')
    expect(codeOf(() => verifyDigest(bytes, sha256Digest(Buffer.from('y')), 1))).toBe('IMAGE_DIGEST_MISMATCH')
  })
})

describe('strict JSON', () => {
  test('agrees with JSON.parse on what both accept', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.nat(3), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent)
        let expected: unknown
        try {
          expected = parseStrictJson(Buffer.from(spaced))
        } catch (error) {
          // Numbers beyond 2^53 and lone surrogates are the only difference.
          expect(String(error)).toMatch(/out of range|surrogate/)
          return
        }
        expect(expected).toEqual(JSON.parse(spaced))
      }),
    )
  })

  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '01',
    '+1',
    '1.',
    '.5',
    '-',
    'NaN',
    '1e999',
    '9007199254740992',
    '"\t"',
    '"\\x"',
    '"\\ud800"',
    '"abc',
    '"abc\\"',
    'tru',
    '[1 2]',
    '\ufeff{}',
    `${'['.repeat(200)}${']'.repeat(200)}`,
    '// comment\n{}',
  ])('%j is refused', (text) => {
    expect(() => parseStrictJson(Buffer.from(text))).toThrow(SyntaxError)
  })

  test('bytes that are not UTF-8 are refused', () => {
    expect(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(SyntaxError)
  })
})
