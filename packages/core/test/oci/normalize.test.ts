import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  canonicalJson,
  goConfigBytes,
  normalizeConfig,
  normalizeManifest,
  parseConfig,
  parseManifest,
  sha256Digest,
  toOciManifest,
} from '../../src/oci/index.js'

const golden = (name: string): Buffer => readFileSync(new URL(`../golden/oci/${name}`, import.meta.url))
const recorded = JSON.parse(golden('documents.json').toString()) as {
  case: string
  manifestBytes: string
  configBytes: string
  manifest: string
  config: string
}[]

const image = (config: unknown): Buffer =>
  Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [] },
      ...(config as Record<string, unknown>),
    }),
  )
const normalized = (config: unknown): unknown => JSON.parse(canonicalJson(normalizeConfig(image(config))))

describe('documents in merge commits', () => {
  test.each(recorded)('$case: equal to what the real tool stored', (row) => {
    const manifest = parseManifest(Buffer.from(row.manifestBytes))
    const config = parseConfig(Buffer.from(row.configBytes), manifest)
    expect(canonicalJson(normalizeManifest(manifest, config))).toBe(row.manifest)
    expect(canonicalJson(normalizeConfig(config))).toBe(row.config)
    expect(canonicalJson(normalizeConfig(Buffer.from(row.configBytes)))).toBe(row.config)
  })

  test('a Docker image is converted as skopeo converts it', () => {
    const manifest = parseManifest(golden('docker-v2s2/manifest.json'))
    const config = parseConfig(golden('docker-v2s2/config.json'), manifest)
    expect(goConfigBytes(config).toString()).toBe(golden('docker-v2s2/converted-config.json').toString())
    const converted = JSON.parse(golden('docker-v2s2/converted-manifest.json').toString()) as unknown
    expect(toOciManifest(manifest, config)).toEqual(converted)
    expect(normalizeManifest(manifest, config)).toEqual(converted)
    expect(normalizeConfig(config)).not.toHaveProperty('config.ArgsEscaped')
    expect(sha256Digest(golden('docker-v2s2/converted-config.json'))).toBe(
      toOciManifest(manifest, config).config.digest,
    )
  })

  test('empty and unknown members vanish, an empty config object stays', () => {
    const document = normalized({
      author: '',
      variant: '',
      created: null,
      docker_version: '20',
      'os.features': [],
      config: {
        User: '',
        Env: [],
        Labels: {},
        Volumes: {},
        ArgsEscaped: true,
        Healthcheck: {},
        OnBuild: null,
      },
      history: [{ created_by: '', empty_layer: false, extra: 1 }],
    })
    expect(document).toEqual({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [] },
      history: [{}],
    })
    expect(normalized({})).toHaveProperty('config', {})
  })

  test.each([
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05.000Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05.120300+00:00', '2024-01-02T03:04:05.1203Z'],
    ['2024-01-02T03:04:05.1234567899-07:30', '2024-01-02T03:04:05.123456789-07:30'],
    ['2024-02-29T23:59:59+05:30', '2024-02-29T23:59:59+05:30'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ])('the time %s is stored as %s', (created, stored) => {
    expect(normalized({ created })).toHaveProperty('created', stored)
  })

  test.each([
    'yesterday',
    '2024-01-02 03:04:05Z',
    '2024-01-02T03:04:05',
    '2024-01-02t03:04:05z',
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:00:60Z',
    '2024-01-01T00:00:00+24:00',
    '2024-01-01T00:00:00,5Z',
    '',
  ])('the time %j is an error', (created) => {
    let caught: unknown
    try {
      parseConfig(image({ created }))
    } catch (error) {
      caught = error
    }
    expect(isBootcError(caught, 'IMAGE_NOT_AN_IMAGE')).toBe(true)
  })

  test('descriptors keep what the real tool knows, platforms lose os.version', () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const layer = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest,
      size: 9007199254740991,
      urls: [],
      annotations: {},
      platform: { architecture: 'amd64', os: 'linux', 'os.version': '1', variant: 'v3' },
      data: 'eA==',
      unknown: 1,
    }
    const manifest = {
      schemaVersion: 2,
      config: layer,
      layers: [],
      annotations: null,
      subject: layer,
      extra: {},
    }
    const parsed = parseManifest(Buffer.from(JSON.stringify(manifest)))
    const { unknown: _, ...known } = layer
    const expected = { ...known, platform: { architecture: 'amd64', os: 'linux', variant: 'v3' } }
    expect(normalizeManifest(parsed, parseConfig(image({})))).toEqual({
      schemaVersion: 2,
      config: expected,
      layers: [],
      subject: expected,
    })
  })
})

describe('canonical JSON', () => {
  test('keys in UTF-16 order, short escapes, raw text otherwise', () => {
    const value = {
      '\ufb33': 1,
      '💩': 2,
      b: [1e21, 1e-7, -0, 1.5, true, null],
      a: '\u0007\b\n"\\<\u2028é',
      u: undefined,
    }
    expect(canonicalJson(value)).toBe(
      '{"a":"\\u0007\\b\\n\\"\\\\<\u2028é","b":[1e+21,1e-7,0,1.5,true,null],"💩":2,"\ufb33":1}',
    )
  })
})
