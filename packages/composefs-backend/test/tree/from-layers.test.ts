import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isBootcError } from '@bootc-sdk/core'
import { packTar } from '@bootc-sdk/core/tar'
import type { SplitstreamReader } from '../../src/repo/api.js'
import { layerContentType, treeFromLayers } from '../../src/tree/from-layers.js'
import { LayerApplier } from '../../src/tree/layer-applier.js'
import { at, dir, file, names } from './layers.js'

type Piece = { inline: Uint8Array } | { object: string; index: number }

/** As much of a repository as reading layers takes; streams are named by their object. */
function repository(
  streams: Readonly<Record<string, { pieces: readonly Piece[]; sizeBytes: number; contentType?: bigint }>>,
  named: Readonly<Record<string, string>> = {},
): Parameters<typeof treeFromLayers>[0] {
  return {
    stream: (contentId) => Promise.resolve(named[contentId]),
    openStream: (id) => {
      const { pieces, sizeBytes, contentType = layerContentType } = streams[id]!
      const reader: SplitstreamReader = {
        contentType,
        sizeBytes,
        objectRefs: [],
        streamRefs: [],
        namedRefs: new Map(),
        async *pieces() {
          yield* pieces
        },
        async *read() {},
      }
      return Promise.resolve(reader)
    },
  }
}

/** A layer with one larger file, as its stream holds it. */
function layer(content = 'x'.repeat(100)): { pieces: Piece[]; sizeBytes: number } {
  const tar = packTar([dir('d'), file('d/large', content), file('d/small', 's')])
  const start = tar.indexOf(content)
  const pieces = [
    { inline: tar.subarray(0, start) },
    { object: 'ab'.repeat(32), index: 0 },
    { inline: tar.subarray(start + content.length) },
  ]
  return { pieces, sizeBytes: tar.length }
}

const sha = 'sha256:1'

describe('layers in a repository', () => {
  test('are found by name, and content stays where it is', async () => {
    const tree = await treeFromLayers(repository({ id: layer() }, { [`oci-layer-${sha}`]: 'id' }), [sha])
    expect(names(tree, 'd')).toEqual(['large', 'small'])
    expect(at(tree, 'd/large')).toMatchObject({ digest: 'ab'.repeat(32), size: 100 })
  })

  test('are those that the caller names, rather than those of the name', async () => {
    const repo = repository({ id: layer() }, { [`oci-layer-${sha}`]: 'other' })
    expect(names(await treeFromLayers(repo, [sha], { streams: new Map([[sha, 'id']]) }), 'd')).toHaveLength(2)
  })

  test('that are not there, of another kind, or of another length are refused', async () => {
    await expect(treeFromLayers(repository({}), [sha])).rejects.toMatchObject({
      code: 'STORE_COMPOSEFS_NO_STREAM',
      details: { stream: `oci-layer-${sha}` },
    })
    const given = { streams: new Map([[sha, 'id']]) }
    for (const wrong of [{ contentType: 1n }, { sizeBytes: 12345 }]) {
      const repo = repository({ id: { ...layer(), ...wrong } })
      await expect(treeFromLayers(repo, [sha], given)).rejects.toMatchObject({
        code: 'STORE_COMPOSEFS_BAD_STREAM',
      })
    }
  })

  test('are read until the signal says so', async () => {
    const options = { streams: new Map([[sha, 'id']]), signal: AbortSignal.abort(new Error('enough')) }
    await expect(treeFromLayers(repository({ id: layer() }), [sha], options)).rejects.toThrow('enough')
  })

  test('whose pieces are mixed up end in an error of ours or in a tree', async () => {
    const { pieces, sizeBytes } = layer()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { maxLength: 6 }), async (mixed) => {
        const repo = repository({ id: { pieces: mixed, sizeBytes } })
        try {
          await treeFromLayers(repo, [sha], { streams: new Map([[sha, 'id']]) })
        } catch (error) {
          expect(isBootcError(error)).toBe(true)
        }
      }),
    )
  })
})

test('archives with changed bytes end in an error of ours or in a tree', () => {
  const tar = packTar([
    dir('d', { pax: { mtime: '5.5' } }),
    file('d/f', 'x'.repeat(70)),
    { name: 'd/l', type: 'hardlink', linkName: 'd/f' },
    { name: 'd/c', type: 'char', devMajor: 1, devMinor: 3 },
    file(`d/${'n'.repeat(150)}`, 'y', { xattrs: [{ name: 'user.a', value: Buffer.from('v') }] }),
  ])
  const change = fc.tuple(fc.nat(tar.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, isSummed) => {
      const changed = Buffer.from(tar)
      for (const [where, byte] of changes) changed[where] = byte
      if (isSummed) for (let block = 0; block < changed.length; block += 512) fixChecksum(changed, block)
      const sink = { update() {}, digest: () => 'ab'.repeat(32) }
      const reader = new LayerApplier().layer(sha, () => sink)
      try {
        reader.push(changed)
        reader.end()
      } catch (error) {
        expect(isBootcError(error)).toBe(true)
      }
    }),
    { numRuns: 2000 },
  )
})

/** Where a block looks like a header, give it the sum it should have. */
function fixChecksum(bytes: Buffer, block: number): void {
  if (bytes.toString('latin1', block + 257, block + 262) !== 'ustar') return
  bytes.fill(0x20, block + 148, block + 156)
  let sum = 0
  for (let at = block; at < block + 512; at++) sum += bytes[at]!
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, block + 148)
}
