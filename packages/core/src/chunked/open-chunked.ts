import { unzstdStream } from '../codec/zstd-stream.js'
import { BootcError } from '../errors.js'
import type { Bytes, Digest, OpOptions } from '../interfaces/common.js'
import type { LayerTar } from '../interfaces/store.js'
import type { ImageTransport, ResolvedImage } from '../interfaces/transport.js'
import type { ReadTree } from '../interfaces/tree.js'
import { sha256Digest } from '../oci/index.js'
import type { Descriptor } from '../oci/types.js'
import { readTarSplit } from '../tar/index.js'
import { chunkedTar } from './chunked-tar.js'
import { findLocalFiles } from './local-files.js'
import { chunkedPositions, type Position } from './positions.js'
import { mergeRanges, rangeBytes } from './ranges.js'
import { corrupt, parseToc } from './toc.js'

export interface ChunkedSource {
  readonly transport: ImageTransport
  readonly image: ResolvedImage
  readonly layer: Descriptor
  readonly diffId: Digest
  /** Root of an image that the store has. */
  readonly root: ReadTree
}

/** A layer of which only a part has to be fetched. */
export interface ChunkedLayer {
  /** Made of what is here and what is fetched; checked against the diff id at its end. */
  readonly tar: LayerTar
  /** What it takes to fetch, documents included. */
  readonly fetchBytes: number
}

/**
 * Fetch a zstd:chunked layer by ranges: its table of contents, then the files that the stored image does not have. The
 * tar is the one that the whole blob holds, so that the store does the same with it.
 *
 * @returns undefined when that would not save anything, or the layer cannot be fetched so
 * @throws BootcError `IMAGE_LAYER_CORRUPT`, `IMAGE_DIGEST_MISMATCH`, `TRANSPORT_*`: the whole blob may still be good
 */
export async function openChunked(
  source: ChunkedSource,
  options: OpOptions & { readonly onBytes?: (bytes: number) => void } = {},
): Promise<ChunkedLayer | undefined> {
  const { transport, image, layer, diffId, root } = source
  const { signal } = options
  const positions = chunkedPositions(layer)
  if (positions === undefined || !transport.supports.range) return undefined
  const fetchRange = (start: number, end: number): Bytes =>
    transport.openLayer(image, layer, { range: { start, end }, ...(signal === undefined ? {} : { signal }) })
  const packed = await collect(
    fetchRange(positions.toc.offset, endOf(positions.toc)),
    positions.toc.compressedBytes,
  )
  const actual = sha256Digest(packed)
  if (actual !== positions.tocDigest) {
    throw new BootcError('IMAGE_DIGEST_MISMATCH', `table of contents of ${layer.digest} has another digest`, {
      details: { expected: positions.tocDigest, actual },
    })
  }
  const toc = parseToc(await textOf(unpacked(packed, positions.toc)), layer.size)
  const local = await findLocalFiles(toc.files, root, signal)
  const missing = [...toc.files].filter(([name]) => !local.has(name)).map(([, file]) => file)
  const ranges = mergeRanges(missing)
  const fetchBytes = rangeBytes(ranges) + positions.toc.compressedBytes + positions.tarSplit.compressedBytes
  // Many small requests take longer than one large one.
  if (fetchBytes > layer.size * 0.8) return undefined

  const split = await collect(
    fetchRange(positions.tarSplit.offset, endOf(positions.tarSplit)),
    positions.tarSplit.compressedBytes,
  )
  if (sha256Digest(split) !== toc.tarSplitDigest) throw corrupt('names other tar-split data than there is')
  const items = readTarSplit(unpacked(split, positions.tarSplit))
  const onBytes = (bytes: number) =>
    options.onBytes?.(bytes + positions.toc.compressedBytes + positions.tarSplit.compressedBytes)
  return { tar: chunkedTar({ items, toc, local, ranges, fetchRange, diffId, onBytes, signal }), fetchBytes }
}

function endOf({ offset, compressedBytes }: Position): number {
  return offset + compressedBytes
}

/** A document piece by piece: tar-split data are ten times as long as what is fetched of them. */
async function* unpacked(packed: Uint8Array, { bytes }: Position): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const chunk of unzstdStream(once(packed))) {
    count += chunk.length
    if (count > bytes) throw corrupt(`unpacks to more than ${bytes} bytes`)
    yield chunk
  }
}

async function textOf(source: Bytes): Promise<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let text = ''
  for await (const chunk of source) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}

async function collect(source: Bytes, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let count = 0
  for await (const chunk of source) {
    count += chunk.length
    if (count > maxBytes) throw corrupt('comes with more bytes than were asked for')
    chunks.push(Uint8Array.from(chunk))
  }
  if (count !== maxBytes) throw corrupt('ends too early')
  return Buffer.concat(chunks)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
