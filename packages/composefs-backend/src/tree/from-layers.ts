import type { OpOptions } from '@bootc-sdk/core'
import { BootcError } from '@bootc-sdk/core'
import { badStream } from '../format/errors.js'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo } from '../repo/api.js'
import type { FileTree } from './inode.js'
import { LayerApplier } from './layer-applier.js'
import type { TreeLimits } from './limits.js'

/** Content type of a layer's splitstream: `ocilayer`, little-endian. */
export const layerContentType = 0x726579616c69636fn

export interface FromLayersOptions extends OpOptions {
  /** Objects of layer streams by diff id, as an image's config stream names them; else streams/oci-layer-… */
  readonly streams?: ReadonlyMap<string, ObjectId>
  readonly limits?: TreeLimits
}

/**
 * The root file system of an image whose layers are in a repository: tar headers are read, no content is.
 * What the OCI transform changes is still as the layers have it.
 *
 * @param diffIds `sha256:…` of the uncompressed layers, lowest first
 * @throws BootcError `STORE_COMPOSEFS_NO_STREAM`, `STORE_COMPOSEFS_BAD_STREAM`, `STORE_COMPOSEFS_BAD_LAYER`,
 *   `IMAGE_TAR_*`
 */
export async function treeFromLayers(
  repo: Pick<ComposefsRepo, 'stream' | 'openStream'>,
  diffIds: readonly string[],
  options: FromLayersOptions = {},
): Promise<FileTree> {
  const applier = new LayerApplier(options.limits)
  for (const diffId of diffIds) {
    options.signal?.throwIfAborted()
    const contentId = `oci-layer-${diffId}`
    const id = options.streams?.get(diffId) ?? (await repo.stream(contentId))
    if (id === undefined) {
      throw new BootcError('STORE_COMPOSEFS_NO_STREAM', `the repository has no stream ${contentId}`, {
        details: { stream: contentId },
      })
    }
    const stream = await repo.openStream(id)
    if (stream.contentType !== layerContentType) throw badStream(contentId, 'is not a layer')
    const layer = applier.layer(diffId)
    let sizeBytes = 0
    for await (const piece of stream.pieces()) {
      options.signal?.throwIfAborted()
      if ('inline' in piece) {
        layer.push(piece.inline)
        sizeBytes += piece.inline.length
      } else {
        sizeBytes += layer.object(piece.object)
      }
    }
    layer.end()
    if (sizeBytes !== stream.sizeBytes) {
      throw badStream(contentId, `holds ${sizeBytes} bytes, says ${stream.sizeBytes}`)
    }
  }
  return applier.finish()
}
