import { describe, expect, test } from 'vitest'
import { awkwardLayers, image, layout, rechunk, roots, wideLayers } from './rechunk-sample.js'

describe('stores make the same tree of a rechunked image', () => {
  test.each([1, 2, 3, 4, 10, 64])('of at most %i layers', async (maxLayers) => {
    const at = await layout()
    const source = image(awkwardLayers())
    const { layers } = await rechunk(source, at('1'), { maxLayers })
    expect(layers.length).toBeLessThanOrEqual(maxLayers)
    const [before, after] = [await roots(source), await roots(at('1'))]
    expect(after.composefs).toBe(before.composefs)
    expect(before.composefs).toMatch(/^[0-9a-f]{128}$/)
    // One layer cannot hold what OSTree sees of directories and what others see.
    if (maxLayers > 1) expect(after.ostree).toEqual(before.ostree)
  })

  test('with layers of an earlier image, whatever has changed', async () => {
    const at = await layout()
    await rechunk(image(awkwardLayers(1)), at('1'))
    const source = image([...awkwardLayers(2), ...wideLayers(new Set([3]))])
    await rechunk(source, at('2'), { from: at('1') })
    expect(await roots(at('2'))).toEqual(await roots(source))
  })

  test('with layers that are kept below what has changed', async () => {
    const at = await layout()
    await rechunk(image(wideLayers()), at('1'), { maxLayers: 8 })
    const source = image(wideLayers(new Set([5, 77, 123, 209])))
    const { layers } = await rechunk(source, at('2'), { maxLayers: 8, from: at('1') })
    expect(layers.filter(({ kept }) => kept).length).toBeGreaterThan(4)
    expect(await roots(at('2'))).toEqual(await roots(source))
  })
})
