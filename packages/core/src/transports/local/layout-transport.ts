import { fileSource } from '../../codec/index.js'
import type { OpOptions } from '../../interfaces/common.js'
import type { RawImage } from '../../interfaces/raw-image.js'
import type { BlobSource, ImageTransport, ResolvedImage } from '../../interfaces/transport.js'
import { digestAlgorithm, digestHex, maxDocumentBytes, parseIndex } from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor, Platform } from '../../oci/types.js'
import { rawDocument } from '../raw-document.js'
import { resolveImage } from '../resolve-image.js'
import { layoutInvalid, notFound } from '../transport-errors.js'
import { readDocument } from './file-locator.js'
import type { FileLocator, FileSlice } from './file-locator.js'
import { parseLayoutName, pickEntry } from './layout-name.js'

/** Resolve in an OCI layout, wherever its files lie. A layout is trusted as little as a registry. */
export async function resolveInLayout(
  reference: ImageReference,
  files: FileLocator,
  options: OpOptions & { readonly platform?: Platform },
): Promise<ResolvedImage> {
  await checkLayoutVersion(files)
  const read = async (descriptor: Descriptor): Promise<Uint8Array> => {
    options.signal?.throwIfAborted()
    return readDocument(files, blobName(descriptor), maxDocumentBytes)
  }
  const index = parseIndex(await readDocument(files, 'index.json', maxDocumentBytes))
  const entry = pickEntry(reference, parseLayoutName(reference), index)
  return resolveImage(
    {
      reference,
      top: { bytes: await read(entry) },
      topDigest: entry.digest,
      topSizeBytes: entry.size,
      readManifest: async (descriptor) => ({ bytes: await read(descriptor) }),
      readConfig: read,
    },
    options,
  )
}

/** Everything that a reference to a layout names; `blob` as the transport opens layers. */
export async function rawInLayout(
  reference: ImageReference,
  files: FileLocator,
  blob: RawImage['blob'],
): Promise<RawImage> {
  await checkLayoutVersion(files)
  const index = parseIndex(await readDocument(files, 'index.json', maxDocumentBytes))
  const document: RawImage['document'] = async (descriptor, options) => {
    options?.signal?.throwIfAborted()
    return rawDocument(
      { bytes: await readDocument(files, blobName(descriptor), maxDocumentBytes) },
      descriptor,
    )
  }
  const top = await document(pickEntry(reference, parseLayoutName(reference), index))
  return { reference, top, document, blob }
}

/** Name of a blob in an OCI layout. */
export function blobName({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`
}

/**
 * A blob in a local file; what is wrong with it is told when it is read.
 *
 * @param find where it lies; may throw
 */
export function localLayer(
  path: string,
  layer: Descriptor,
  find: () => FileSlice | undefined,
  options: Parameters<ImageTransport['openLayer']>[2] = {},
): BlobSource {
  let slice: FileSlice | undefined
  try {
    slice = find()
    if (!slice) throw notFound(`${layer.digest} in ${path}`, { path, digest: layer.digest })
  } catch (error) {
    return failing(error)
  }
  return abortable(fileSource(cut(slice, options.range)), options.signal)
}

/** The part of a slice that a range asks for. */
export function cut(
  slice: FileSlice,
  range: { readonly start: number; readonly end: number } | undefined,
): FileSlice {
  if (!range) return slice
  const end = Math.min(range.end, slice.sizeBytes)
  const start = Math.min(range.start, end)
  return { hostPath: slice.hostPath, offsetBytes: slice.offsetBytes + start, sizeBytes: end - start }
}

async function checkLayoutVersion(files: FileLocator): Promise<void> {
  const text = Buffer.from(await readDocument(files, 'oci-layout', 4096)).toString()
  let version: unknown
  try {
    version = (JSON.parse(text) as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion
  } catch (cause) {
    throw layoutInvalid(files.path, 'oci-layout is not JSON', {}, cause)
  }
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    throw layoutInvalid(files.path, `layout version ${JSON.stringify(version) ?? 'missing'} is not 1.x`, {
      version,
    })
  }
}

function failing(error: unknown): BlobSource {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error as Error) }) }
}

/** @returns the same source, checking the signal before each chunk */
export function abortable(source: BlobSource, signal: AbortSignal | undefined): BlobSource {
  if (!signal) return source
  async function* checked(): AsyncGenerator<Uint8Array> {
    signal!.throwIfAborted()
    for await (const chunk of source) {
      yield chunk
      signal!.throwIfAborted()
    }
  }
  return { ...(source.file ? { file: source.file } : {}), [Symbol.asyncIterator]: checked }
}
