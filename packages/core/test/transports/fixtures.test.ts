import { describe, expect, test } from 'vitest'
import { parseConfig, parseManifest } from '../../src/oci/index.js'
import { bootableImage } from '../../src/testing/bootable-image.js'
import { buildImage, buildIndex } from '../../src/testing/image-builder.js'
import { dirs, file, opaque, whiteout } from '../../src/testing/layer-entries.js'
import { memoryTransport } from '../../src/testing/memory-transport.js'
import { createTarParser } from '../../src/tar/index.js'
import { collect } from './helpers.js'

const names = (tar: Uint8Array): string[] => {
  const found: string[] = []
  const parser = createTarParser({ entry: (entry) => found.push(entry.name), data: () => {}, end: () => {} })
  parser.push(tar)
  parser.end()
  return found
}

describe('built images', () => {
  test('are the same every time', () => {
    expect(bootableImage({ version: 3 }).manifestDigest).toBe(bootableImage({ version: 3 }).manifestDigest)
  })

  test('are valid, in both families', () => {
    for (const family of ['oci', 'docker'] as const) {
      const image = buildImage({ family, labels: { a: 'b' }, layers: [{ entries: [file('x', 'y')] }] })
      expect(parseConfig(image.configBytes, parseManifest(image.manifestBytes)).config?.Labels).toEqual({
        a: 'b',
      })
    }
  })

  test('spell whiteouts as the image-spec does', () => {
    const { layers } = buildImage({
      layers: [{ entries: [...dirs('a'), whiteout('a/b'), whiteout('c'), opaque('a')] }],
    })
    expect(names(layers[0]!.tar)).toEqual(['a/', 'a/.wh.b', '.wh.c', 'a/.wh..wh..opq'])
  })
})

describe('bootable images', () => {
  const digests = (version: number) => bootableImage({ version }).layers.map(({ diffId }) => diffId)

  test('share all layers but the top one, until version 3 brings another initramfs', () => {
    const [one, two, three, four] = [1, 2, 3, 4].map(digests) as [string[], string[], string[], string[]]
    expect(two.slice(0, 2)).toEqual(one.slice(0, 2))
    expect(three[0]).toBe(two[0])
    expect(three[1]).not.toBe(two[1])
    expect(four[1]).toBe(three[1])
    expect(new Set([one[2], two[2], three[2], four[2]]).size).toBe(4)
  })

  test('have what a deployment needs', () => {
    const image = bootableImage({ version: 1, architecture: 'arm64' })
    expect(image.config).toMatchObject({
      architecture: 'arm64',
      config: { Labels: { 'containers.bootc': '1', 'ostree.bootable': '1' } },
    })
    const all = image.layers.flatMap(({ tar }) => names(tar))
    expect(all).toEqual(
      expect.arrayContaining([
        'usr/lib/modules/6.12.0-1-amd64/vmlinuz',
        'usr/lib/modules/6.12.0-1-amd64/initramfs.img',
        'usr/lib/os-release',
        'usr/lib/ostree/prepare-root.conf',
        'ostree',
        'etc/passwd',
      ]),
    )
  })
})

describe('the memory transport', () => {
  const [one, two] = [bootableImage({ version: 1 }), bootableImage({ version: 2 })]
  const reference = { transport: 'registry', name: 'os:stable' } as const

  test('serves an image that was replaced meanwhile as long as layers are shared, and tells the new one', async () => {
    const transport = memoryTransport({ 'os:stable': one })
    await transport.resolve(reference)
    transport.images.set('os:stable', buildIndex([two]))
    const resolved = await transport.resolve(reference, { platform: two.platform })
    expect(resolved.manifestDigest).toBe(two.manifestDigest)
    const layer = two.layers[2]!
    expect((await collect(transport.openLayer(resolved, layer.descriptor))).equals(layer.blob)).toBe(true)
    expect(transport.log.slice(0, 2)).toEqual(['resolve os:stable', 'resolve os:stable'])
  })

  test('spoils layers on demand', async () => {
    const transport = memoryTransport({ 'os:stable': one }, { spoil: (_layer, blob) => blob.subarray(1) })
    const resolved = await transport.resolve(reference)
    const layer = one.layers[0]!
    expect((await collect(transport.openLayer(resolved, layer.descriptor))).length).toBe(
      layer.blob.length - 1,
    )
  })
})
