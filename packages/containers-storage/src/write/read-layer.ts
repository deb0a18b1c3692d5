import { createGunzip } from 'node:zlib'
import { Readable } from 'node:stream'
import type { Dir } from '@bootc-sdk/core'
import { baseName, joinPath, parentPath } from '@bootc-sdk/core/names'
import { followPath } from '@bootc-sdk/core/store-kit'
import { readTarSplit } from '@bootc-sdk/core/tar'
import { damaged } from './records.js'
import { layerDir, splitPath } from './storage-layout.js'

/** The tar of a layer again, to the byte. @throws BootcError `IMAGE_LAYOUT_INVALID` */
export async function* readLayerTar(dir: Dir, id: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const diff = dir.sub(joinPath(layerDir(id), 'diff'))
  const source = Readable.from(dir.read(splitPath(id)), { objectMode: false })
  const gunzip = createGunzip()
  source.on('error', (error) => gunzip.destroy(error))
  const parents = new Map<string, string | undefined>()
  try {
    for await (const item of readTarSplit(source.pipe(gunzip) as AsyncIterable<Uint8Array>)) {
      signal?.throwIfAborted()
      if (item.kind === 'bytes') {
        yield item.bytes
        continue
      }
      const name = item.name.replace(/^\/+/, '')
      const above = parentPath(name)
      if (!parents.has(above)) parents.set(above, await followPath(diff, above))
      const parent = parents.get(above)
      const path = parent === undefined ? undefined : joinPath(parent, baseName(name))
      const stat = path === undefined ? undefined : await diff.stat(path)
      if (path === undefined || stat?.type !== 'file' || stat.sizeBytes !== item.sizeBytes) {
        throw damaged(
          `${layerDir(id)}/diff/${name}`,
          `is not the file of ${item.sizeBytes} bytes that it was`,
        )
      }
      yield* diff.read(path)
    }
  } finally {
    source.destroy()
  }
}
