import type { Bytes, OpOptions } from '@bootc-sdk/core'
import type { LayerApplier } from './layer-applier.js'
import type { NewFileSink } from './layer-reader.js'

/**
 * Lay an archive over a tree.
 *
 * @param tar uncompressed
 * @param newSink takes the content of every file of more than 64 bytes
 * @throws BootcError `STORE_COMPOSEFS_BAD_LAYER`, `IMAGE_TAR_*`
 */
export async function applyTar(
  applier: LayerApplier,
  diffId: string,
  tar: Bytes | Uint8Array,
  newSink: NewFileSink,
  options: OpOptions = {},
): Promise<void> {
  const layer = applier.layer(diffId, newSink)
  for await (const chunk of tar instanceof Uint8Array ? [tar] : tar) {
    options.signal?.throwIfAborted()
    layer.push(chunk)
  }
  layer.end()
}
