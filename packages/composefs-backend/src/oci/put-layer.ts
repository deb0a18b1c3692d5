import type { Digest, LayerTar, OpOptions } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo } from '../repo/api.js'
import { contentTypes, layerStream } from './names.js'
import { pumpLayer } from './pump.js'
import { LayerSplitter } from './split-layer.js'

export interface PutLayerInput {
  readonly diffId: Digest
  readonly tar: LayerTar
  /** For progress: what the layer is called there. */
  readonly id: string
}

/**
 * Import one layer in a transaction of its own: it stays when the rest of the import is given up, and nothing
 * of it is visible when it fails.
 *
 * @returns the object of its splitstream
 */
export async function putLayer(
  repo: ComposefsRepo,
  { diffId, tar, id }: PutLayerInput,
  options: OpOptions,
): Promise<ObjectId> {
  await using transaction = await repo.begin(options)
  const stream = transaction.splitstream(contentTypes.layer)
  const splitter = new LayerSplitter(stream, () => transaction.objects())
  try {
    await pumpLayer(tar, splitter, { ...options, id })
    const object = await stream.finish()
    options.signal?.throwIfAborted()
    transaction.setStream(layerStream(diffId), object)
    await transaction.commit()
    return object
  } finally {
    splitter.close()
  }
}
