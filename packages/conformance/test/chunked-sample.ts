import { createHash } from 'node:crypto'
import {
  buildImage,
  dir,
  file,
  hardlink,
  symlink,
  type BuiltImage,
  type LayerSpec,
} from '@bootc-sdk/core/testing'

/** Forty files of noise, of which the second version changes one and adds another; what tars have beside files. */
export function sample(version: 1 | 2, compression: LayerSpec['compression'] = 'gzip'): BuiltImage {
  const noise = (name: string, bytes = 8000) =>
    createHash('shake256', { outputLength: bytes }).update(name).digest()
  const files = Array.from({ length: 40 }, (_, index) => {
    const changed = version === 2 && index === 17
    return file(`usr/lib/data/f${index}`, noise(`${index} ${changed}`))
  })
  return buildImage({
    labels: { 'containers.bootc': '1', 'org.opencontainers.image.version': String(version) },
    layers: [
      {
        compression,
        entries: [
          dir('usr'),
          dir('usr/lib'),
          dir('usr/lib/data'),
          ...files,
          ...(version === 2 ? [file('usr/lib/data/new', noise('new'))] : []),
          file('usr/lib/empty', ''),
          file('usr/lib/text', 'text '.repeat(3000)),
          symlink('text', 'usr/lib/link'),
          hardlink('usr/lib/hard', 'usr/lib/text'),
          dir('etc'),
          file('etc/conf', noise('conf')),
        ],
      },
    ],
  })
}
