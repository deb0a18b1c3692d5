import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import {
  choosePlatform,
  goArchitecture,
  hostPlatform,
  mediaTypes,
  parseConfig,
  platformWarnings,
} from '../../src/oci/index.js'
import type { ImageIndex } from '../../src/oci/index.js'

/** `amd64/v3`, `-` for no platform, `+zstd` for zstd layers. */
function indexOf(list: string, mediaType: string = mediaTypes.ociIndex): ImageIndex {
  return {
    schemaVersion: 2,
    mediaType,
    manifests: list.split(' ').map((text, i) => {
      const [name, zstd] = text.split('+')
      const [architecture, variant] = name!.split('/')
      return {
        mediaType: mediaTypes.ociManifest,
        digest: `sha256:${String(i).padStart(64, '0')}` as const,
        size: 1,
        ...(name === '-'
          ? {}
          : { platform: { architecture: architecture!, os: 'linux', ...(variant ? { variant } : {}) } }),
        ...(zstd ? { annotations: { 'io.github.containers.compression.zstd': 'true' } } : {}),
      }
    }),
  }
}

function choose(list: string, wanted: string, mediaType?: string): string | number {
  const [architecture, variant] = wanted.split('/')
  try {
    const index = indexOf(list, mediaType)
    return index.manifests.indexOf(
      choosePlatform(index, { architecture: architecture!, os: 'linux', ...(variant ? { variant } : {}) }),
    )
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

const missing = 'IMAGE_PLATFORM_MISSING'

describe('choice of an image from an index', () => {
  test.each<[string, string, string | number]>([
    ['amd64/v3', 'amd64', missing],
    ['amd64/v3', 'amd64/v3', 0],
    ['amd64/v3 amd64', 'amd64', 1],
    ['amd64/v3 amd64', 'amd64/v4', 1],
    ['amd64 amd64', 'amd64', 0],
    ['amd64 amd64+zstd', 'amd64', 1],
    ['amd64+zstd amd64', 'amd64', 0],
    ['-', 'amd64', 0],
    ['- amd64', 'amd64', 1],
    ['-+zstd amd64', 'amd64', 1],
    ['arm/v5 arm/v7 arm/v6', 'arm', 1],
    ['arm/v5 arm/v7 arm/v6', 'arm/v6', 2],
    ['arm/v5 arm/v7 arm/v6', 'arm/v8', 1],
    ['arm/v5 arm', 'arm', 1],
    ['arm64/v8', 'arm64', 0],
    ['arm64/v8', 'arm64/v9', missing],
    ['arm64', 'arm64/v8', 0],
    ['s390x ppc64le', 'riscv64', missing],
  ])('of "%s" for %s: %s', (list, wanted, expected) => {
    expect(choose(list, wanted)).toBe(expected)
  })

  test('the zstd annotation counts in OCI indexes only', () => {
    expect(choose('amd64 amd64+zstd', 'amd64', mediaTypes.dockerManifestList)).toBe(0)
  })

  test('the operating system must be equal', () => {
    const index = indexOf('amd64')
    expect(() => choosePlatform(index, { architecture: 'amd64', os: 'windows' })).toThrow(/windows\/amd64/)
  })

  test('entries that are neither manifest nor index are passed over', () => {
    const index = indexOf('- amd64')
    const [first, second] = index.manifests
    const other = { ...index, manifests: [{ ...first!, mediaType: 'application/x-other' }] }
    expect(() => choosePlatform(other, { architecture: 'amd64', os: 'linux' })).toThrow(/linux\/amd64/)
    expect(
      choosePlatform(
        { ...other, manifests: [...other.manifests, second!] },
        { architecture: 'amd64', os: 'linux' },
      ),
    ).toBe(second)
  })

  test('the error lists what there is', () => {
    let details: unknown
    try {
      choosePlatform(indexOf('arm64/v8 s390x'), { architecture: 'amd64', os: 'linux' })
    } catch (error) {
      details = isBootcError(error) ? error.details : undefined
    }
    expect(details).toEqual({ wanted: 'linux/amd64', available: ['linux/arm64/v8', 'linux/s390x'] })
  })
})

describe('platforms', () => {
  test('Node names become Go names', () => {
    expect(['x64', 'ia32', 'arm64', 'riscv64', 's390x'].map(goArchitecture)).toEqual([
      'amd64',
      '386',
      'arm64',
      'riscv64',
      's390x',
    ])
  })

  test.each([
    ['arm64', 'CPU architecture: 8\n', 'v8'],
    ['arm', 'CPU architecture: 7\n', 'v7'],
    ['arm', 'model name\t: ARMv6-compatible processor rev 7 (v6l)\nCPU architecture: 7\n', 'v6'],
    ['arm', 'CPU architecture: 5TEJ\n', 'v5'],
    ['arm', 'nothing', undefined],
    ['x64', 'CPU architecture: 8\n', undefined],
  ])('%s with %j has variant %s', (arch, cpuinfo, variant) => {
    expect(hostPlatform(arch, cpuinfo).variant).toBe(variant)
  })

  test('a config that contradicts its index entry gives a warning', () => {
    const config = parseConfig(
      Buffer.from('{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'),
    )
    expect(platformWarnings({ architecture: 'arm64', os: 'linux', variant: 'v8' }, config)).toEqual([])
    expect(platformWarnings({ architecture: 'amd64', os: 'linux' }, config)).toMatchObject([
      { code: 'image:platform-mismatch' },
    ])
    expect(platformWarnings(undefined, config)).toEqual([])
  })
})
