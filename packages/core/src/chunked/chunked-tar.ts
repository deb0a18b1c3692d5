import { diffIdMismatch, layerTooLarge } from '../codec/codec-errors.js'
import { RunningDigest } from '../codec/hashing.js'
import { DEFAULT_MAX_OUTPUT_BYTES } from '../codec/types.js'
import { unzstdStream } from '../codec/zstd-stream.js'
import type { Bytes, Digest } from '../interfaces/common.js'
import type { TarSplitItem } from '../tar/index.js'
import type { LocalContent } from './local-files.js'
import { RangeReader } from './range-reader.js'
import type { Range } from './ranges.js'
import { corrupt, type Toc } from './toc.js'

export interface ChunkedTarParts {
  readonly items: AsyncIterable<TarSplitItem>
  readonly toc: Toc
  readonly local: ReadonlyMap<string, LocalContent>
  /** What will be fetched, in the order of the blob. */
  readonly ranges: readonly Range[]
  readonly fetchRange: (start: number, end: number) => Bytes
  readonly diffId: Digest
  readonly onBytes: (fetchedBytes: number) => void
  readonly signal?: AbortSignal | undefined
  /** As for layers that are decompressed as a whole; default 64 GiB. */
  readonly maxOutputBytes?: number | undefined
}

/**
 * The tar of a layer: its headers from tar-split data, its files from here and there. What comes is only good when the
 * end is reached, like every layer.
 *
 * @throws BootcError `IMAGE_DIFFID_MISMATCH` at the end, `IMAGE_LAYER_CORRUPT`, `IMAGE_TOO_LARGE`
 */
export async function* chunkedTar(parts: ChunkedTarParts): AsyncGenerator<Uint8Array> {
  const { items, toc, local, diffId, signal, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = parts
  const hash = new RunningDigest()
  const remote = new RangeReader(parts)
  try {
    for await (const item of items) {
      signal?.throwIfAborted()
      if (item.kind === 'bytes') {
        hash.update(item.bytes)
        yield item.bytes
        continue
      }
      const file = toc.files.get(item.name)
      if (file === undefined || file.sizeBytes !== item.sizeBytes) {
        throw corrupt(`and its tar-split data disagree about ${JSON.stringify(item.name)}`)
      }
      const content = local.get(item.name)?.() ?? unzstdStream(remote.read(file.start, file.end))
      let bytes = 0
      for await (const chunk of content) {
        bytes += chunk.length
        if (bytes > file.sizeBytes)
          throw corrupt(`has a file ${JSON.stringify(item.name)} that is larger than it says`)
        // A few bytes of tar-split data may name the same large file again and again.
        if (hash.bytes + chunk.length > maxOutputBytes)
          throw layerTooLarge({ digest: diffId, sizeBytes: hash.bytes }, maxOutputBytes)
        hash.update(chunk)
        yield chunk
      }
      if (bytes !== file.sizeBytes)
        throw corrupt(`has a file ${JSON.stringify(item.name)} that is smaller than it says`)
    }
    const actual = hash.digest()
    if (actual !== diffId) throw diffIdMismatch('zstd:chunked', diffId, actual)
  } finally {
    await remote.close()
  }
}
