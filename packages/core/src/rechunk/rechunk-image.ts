import { defaultCodec } from '../codec/index.js'
import { byteMeter, type ByteMeter } from '../orchestrate/byte-meter.js'
import { configPlatform, ociMediaType, requireImageLayers, sha256Digest, mediaTypes } from '../oci/index.js'
import type { Descriptor } from '../oci/types.js'
import { mapLimit } from '../store-kit/map-limit.js'
import { rechunkedConfig, rechunkedManifest } from './documents.js'
import { planLayers } from './plan-layers.js'
import { loadPrevious } from './previous.js'
import { readImage } from './read-image.js'
import type { RechunkOptions, RechunkResult, LayerCompressionName } from './types.js'
import { putBlob, writeLayer, type WriteParts } from './write-layer.js'

const defaultMaxLayers = 64

/** Where one waits for the disk or the network another computes. */
const layersAtOnce = 2

/**
 * Make the same file system in other layers: files that change together share a layer, so that an update touches few of
 * them. Stores make the same tree of it as of the source. The same input gives the same bytes.
 *
 * @throws BootcError what transports, decoders and destinations throw; `IMAGE_TAR_*` for layers that are no tree;
 *   `IMAGE_COMPRESSION_UNSUPPORTED`; RangeError for a number of layers that is none. The target's name never means half an image
 */
export async function rechunkImage(options: RechunkOptions): Promise<RechunkResult> {
  const { source, target, signal, platform, maxLayers = defaultMaxLayers } = options
  if (!Number.isInteger(maxLayers) || maxLayers < 1 || maxLayers > 1024) {
    throw new RangeError('maxLayers is not a whole number from 1 to 1024')
  }
  const temporaryDir = options.temporaryDir ?? '/var/tmp'
  const codec = options.codec ?? defaultCodec()
  const image = await source.transport.resolve(source.reference, {
    signal,
    ...(platform === undefined ? {} : { platform }),
  })
  await options.check?.(image)
  requireImageLayers(image.manifest)
  const { previous, warnings } =
    options.previous === undefined
      ? { previous: undefined, warnings: [] }
      : await loadPrevious(options.previous, { signal, platform })
  const onBytes = readMeter(options)
  const content = await readImage({
    transport: source.transport,
    image,
    codec,
    temporaryDir,
    newestMtime: options.newestSeconds,
    withDigests: previous !== undefined,
    signal,
    onBytes,
  })
  await using spool = content.spool
  const plan = await planLayers(content, maxLayers, previous, (from) => ({
    transport: from.transport,
    image: from.image,
    codec,
    signal,
    withDigests: true,
    onBytes,
  }))
  const totals = { copiedBytes: 0, skippedBytes: 0 }
  const compression = options.compression ?? compressionOf(image.manifest.layers)
  const parts: WriteParts = {
    ...{ options, spool, compression, previous, temporaryDir, totals },
    layers: plan.layers.length,
  }
  const layers = await mapLimit(plan.layers, layersAtOnce, (layer, i) => {
    signal?.throwIfAborted()
    return writeLayer(layer, i, parts)
  })
  const config = rechunkedConfig(image, layers, options.newestSeconds)
  const { bytes, digest, manifest } = rechunkedManifest(image, config, layers)
  await putBlob(manifest.config, parts, () => once(config))
  const toPut = { bytes, digest, mediaType: mediaTypes.ociManifest, ...configPlatform(image.config) }
  await target.destination.putManifest(target.reference, toPut, { signal })
  return {
    source: image,
    manifestDigest: sha256Digest(bytes),
    layers,
    database: plan.database,
    ...totals,
    warnings: [...(image.warnings ?? []), ...warnings, ...plan.warnings],
  }
}

function compressionOf(layers: readonly Descriptor[]): LayerCompressionName {
  return layers.some(({ mediaType }) => ociMediaType(mediaType).endsWith('+zstd')) ? 'zstd' : 'gzip'
}

/** One meter a layer, ended when all of it came. */
function readMeter({ onProgress }: RechunkOptions): (layer: Descriptor, bytes: number) => void {
  const meters = new Map<string, ByteMeter>()
  return ({ digest, size }, bytes) => {
    let meter = meters.get(digest)
    if (meter === undefined) {
      meter = byteMeter(digest, size, (detail) => onProgress?.({ type: 'rechunk:read', detail }))
      meters.set(digest, meter)
    }
    if (bytes >= size) meter.end()
    else meter.set(bytes)
  }
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data
}
