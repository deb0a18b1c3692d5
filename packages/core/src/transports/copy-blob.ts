import { isBootcError } from '../errors.js'
import { byteMeter } from '../orchestrate/byte-meter.js'
import type { Bytes, Digest, OpOptions } from '../interfaces/common.js'
import type { ImageDestination } from '../interfaces/destination.js'
import type { ImageReference } from '../oci/reference.js'
import type { Descriptor } from '../oci/types.js'
import type { CopyEvent } from '../progress.js'
import { notFound } from './transport-errors.js'

export interface CopyTotals {
  copiedBytes: number
  skippedBytes: number
}

export interface BlobToCopy {
  /** Of the source, for progress. */
  readonly id: Digest
  /** Undefined: known when it is made. */
  readonly descriptor?: Descriptor
  open(): Promise<OpenBlob>
}

export interface OpenBlob {
  readonly descriptor: Descriptor
  readonly bytes: Bytes
  /** Of `bytes`: as `BlobSource` has it. */
  release?(chunk: Uint8Array): void
  /** The same from an offset on. */
  reopen?(offset: number): Bytes
  done?(): Promise<void>
  /** It is at the target, or its bytes are wrong: nobody will ask for it again. */
  settled?(): Promise<void>
}

export interface CopyBlobOptions extends OpOptions<CopyEvent> {
  readonly target: { readonly destination: ImageDestination; readonly reference: ImageReference }
  /** What it is a part of; a registry may have it in that repository. */
  readonly from: ImageReference
  readonly mayTransfer?: boolean | undefined
}

/** Bring a blob to the target unless it is there. @returns what it is there */
export async function copyBlob(
  blob: BlobToCopy,
  { from, target, mayTransfer, onProgress, signal }: CopyBlobOptions,
  totals: CopyTotals,
): Promise<Descriptor> {
  const { destination, reference } = target
  const has = (descriptor: Descriptor) => destination.hasBlob(reference, descriptor, { signal, from })
  const skip = (descriptor: Descriptor) => {
    const { size } = descriptor
    totals.skippedBytes += size
    const detail = { id: blob.id, bytes: size, totalBytes: size, cachedBytes: size, skipped: true }
    onProgress?.({ type: 'copy:blob', detail })
    return descriptor
  }
  if (blob.descriptor !== undefined && (await has(blob.descriptor))) return skip(blob.descriptor)
  if (mayTransfer === false) throw notFound(`${blob.id} at the target`, { digest: blob.id })
  const source = await blob.open()
  const { descriptor, bytes, reopen, done, settled } = source
  try {
    if (blob.descriptor === undefined && (await has(descriptor))) return skip(descriptor)
    const meter = byteMeter(blob.id, descriptor.size, (detail) => onProgress?.({ type: 'copy:blob', detail }))
    await destination.putBlob(reference, descriptor, metered(bytes, meter), {
      signal,
      ...(source.release && { release: (chunk) => source.release?.(chunk) }),
      onProgress: (event) => {
        if (event.type === 'pull:retry') onProgress?.(event)
      },
      ...(reopen === undefined ? {} : { reopen: (offset) => metered(reopen(offset), meter, offset) }),
    })
    meter.end()
    await settled?.()
    totals.copiedBytes += descriptor.size
    return descriptor
  } catch (error) {
    if (isBootcError(error) && error.code.startsWith('IMAGE_')) await settled?.()
    throw error
  } finally {
    await done?.()
  }
}

async function* metered(
  bytes: Bytes,
  meter: { set(bytes: number): void },
  start = 0,
): AsyncGenerator<Uint8Array> {
  let count = start
  for await (const chunk of bytes) {
    count += chunk.length
    meter.set(count)
    yield chunk
  }
}
