import { expect, test } from 'vitest'
import { diffLayers } from '../../src/orchestrate/layer-diff.js'
import type { Descriptor } from '../../src/oci/types.js'

const layer = (name: string, size: number): Descriptor => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
  digest: `sha256:${name.repeat(64)}`,
  size,
})

test('layers are compared by digest', () => {
  const diff = diffLayers([layer('a', 1), layer('b', 2)], [layer('a', 1), layer('c', 4), layer('d', 8)])
  expect(diff).toEqual({
    total: { count: 3, bytes: 13 },
    removed: { count: 1, bytes: 2 },
    added: { count: 2, bytes: 12 },
  })
})
