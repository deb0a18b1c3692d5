import type { FileHandle } from 'node:fs/promises'
import { digestOf } from '../codec/digest-of.js'
import { compressStream, hashing } from '../codec/index.js'
import type { Bytes, Digest } from '../interfaces/common.js'
import { byteMeter } from '../orchestrate/byte-meter.js'
import type { Descriptor } from '../oci/types.js'
import { namelessFile } from '../transports/nameless-file.js'
import { layerMediaTypes } from '../transports/built-layer.js'
import { tarBytesOf } from './groups.js'
import type { LayerPlan } from './layer-plan.js'
import { layerTar } from './layer-tar.js'
import type { PlannedLayer } from './plan-layers.js'
import { groupsAnnotation, roleAnnotation, type PreviousImage } from './previous.js'
import type { Spool } from './spool.js'
import type { LayerCompressionName, RechunkedLayer, RechunkOptions } from './types.js'

export interface WriteParts {
  readonly options: RechunkOptions
  readonly spool: Spool
  readonly compression: LayerCompressionName
  readonly previous: PreviousImage | undefined
  readonly temporaryDir: string
  readonly totals: { copiedBytes: number; skippedBytes: number }
  readonly layers: number
}

/** Bring one layer to the target. @param index from 0 */
export async function writeLayer(
  planned: PlannedLayer,
  index: number,
  parts: WriteParts,
): Promise<RechunkedLayer> {
  const { plan } = planned
  const { previous, spool } = parts
  const result = (descriptor: Descriptor, diffId: Digest, kept: boolean): RechunkedLayer => ({
    descriptor: { ...plainDescriptor(descriptor), annotations: annotationsOf(plan) },
    diffId,
    role: plan.role,
    groups: plan.groups,
    files: plan.files.length,
    kept,
  })
  if (planned.kept !== undefined && previous !== undefined) {
    await takeOver(planned.kept.descriptor, previous, parts)
    return result(planned.kept.descriptor, planned.kept.diffId, true)
  }
  // Small ones, of which the earlier image may have the same: known only when they are made.
  if (previous !== undefined && plan.role !== 'content') {
    const diffId = await digestOf(layerTar(plan, spool))
    const same = previous.byDiffId.get(diffId)
    if (same !== undefined) {
      await takeOver(same, previous, parts)
      return result(same, diffId, true)
    }
  }
  const { descriptor, diffId } = await makeLayer(plan, index, parts)
  return result(descriptor, diffId, false)
}

/** A layer of the earlier image, which the target most likely has. */
async function takeOver(descriptor: Descriptor, previous: PreviousImage, parts: WriteParts): Promise<void> {
  const { transport, image } = previous
  const { signal } = parts.options
  await putBlob(descriptor, parts, () => transport.openLayer(image, descriptor, { signal }), image.reference)
}

async function makeLayer(
  plan: LayerPlan,
  index: number,
  parts: WriteParts,
): Promise<{ descriptor: Descriptor; diffId: Digest }> {
  const { options, spool, compression } = parts
  const { signal, onProgress } = options
  const totalBytes = plan.files.reduce(
    (sum, { path, node }) => sum + (node.names[0] === path ? tarBytesOf(node) : 0),
    0,
  )
  const meter = byteMeter(`layer ${index + 1}`, totalBytes, (detail) =>
    onProgress?.({ type: 'rechunk:write', detail: { ...detail, layer: index + 1, layers: parts.layers } }),
  )
  const file = await namelessFile(parts.temporaryDir)
  try {
    const tar = hashing(counted(layerTar(plan, spool), (bytes) => meter.set(bytes)))
    const packed = hashing(compressStream(tar.bytes, compression))
    for await (const chunk of packed.bytes) {
      signal?.throwIfAborted()
      await file.writeFile(chunk)
    }
    meter.end()
    const { digest, sizeBytes: size } = packed.result()
    const descriptor: Descriptor = { mediaType: layerMediaTypes[compression], digest, size }
    await putBlob(descriptor, parts, () => readBack(file, size, spool))
    return { descriptor, diffId: tar.result().digest }
  } finally {
    await file.close()
  }
}

/** What was written, in memory that is used again. */
async function* readBack(file: FileHandle, sizeBytes: number, spool: Spool): AsyncGenerator<Uint8Array> {
  using reader = spool.reader()
  const { chunk } = reader
  for (let at = 0; at < sizeBytes;) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, sizeBytes - at), at)
    if (bytesRead === 0) return
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

export async function putBlob(
  descriptor: Descriptor,
  { options, totals }: WriteParts,
  open: () => Bytes,
  from = options.source.reference,
): Promise<void> {
  const { signal, onProgress, target } = options
  const { destination, reference } = target
  const { digest: id, size } = descriptor
  if (await destination.hasBlob(reference, descriptor, { signal, from })) {
    totals.skippedBytes += size
    const detail = { id, bytes: size, totalBytes: size, cachedBytes: size, skipped: true }
    onProgress?.({ type: 'copy:blob', detail })
    return
  }
  const meter = byteMeter(id, size, (detail) => onProgress?.({ type: 'copy:blob', detail }))
  await destination.putBlob(
    reference,
    descriptor,
    counted(open(), (bytes) => meter.set(bytes)),
    { signal },
  )
  meter.end()
  totals.copiedBytes += size
}

function annotationsOf(plan: LayerPlan): Record<string, string> {
  const role = { [roleAnnotation]: plan.role }
  return plan.groups.length === 0 ? role : { ...role, [groupsAnnotation]: plan.groups.join(',') }
}

/** What names the blob, and nothing that somebody wrote beside it. */
function plainDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

async function* counted(bytes: Bytes, tell: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let count = 0
  for await (const chunk of bytes) {
    count += chunk.length
    tell(count)
    yield chunk
  }
}
