import type { Descriptor } from '../oci/types.js'

/** Whether a layer says that parts of it can be fetched. */
export function isChunked({ annotations }: Pick<Descriptor, 'annotations'>): boolean {
  return annotations?.['io.github.containers.zstd-chunked.tarsplit-position'] !== undefined
}
