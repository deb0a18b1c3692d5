import { buildImage, buildIndex, dir, file } from '../../src/testing/index.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

const random = seededRandom(6)
const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random() * 256))

const base = { entries: [dir('usr'), file('usr/base', noise(40_000))] }
const big = { entries: [dir('usr'), file('usr/big', noise(180_000))], compression: 'zstd' as const }
const small = { entries: [file('etc-release', 'v1')] }
const plain = { entries: [file('plain', noise(3000))], compression: 'none' as const }

const good = buildImage({ layers: [base, big, small] })

/** Small images, good ones and odd ones, to be pulled over a bad network. */
export const networkImages = {
  good,
  plain: buildImage({ layers: [plain, base] }),
  docker: buildImage({ layers: [base, small], family: 'docker' }),
  index: buildIndex([buildImage({ layers: [small], architecture: 's390x' }), good]),
  'one layer twice': buildImage({ layers: [base, small, base] }),
  'unknown media type': buildImage({ layers: [{ ...small, mediaType: 'application/x-something' }] }),
  'another architecture': buildImage({ layers: [small], architecture: 's390x' }),
  'a size that is wrong': buildImage({
    layers: [base, small],
    manifest: (manifest) => ({
      ...manifest,
      layers: manifest.layers.map((layer) => ({ ...layer, size: layer.size + 1 })),
    }),
  }),
  'a diff id that is wrong': buildImage({
    layers: [small],
    config: (config) => ({
      ...config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] },
    }),
  }),
  'a manifest that is huge': buildImage({ layers: [small], annotations: { x: 'y'.repeat(5_000_000) } }),
}
