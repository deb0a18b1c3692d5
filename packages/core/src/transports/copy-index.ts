import { verifyBlob } from '../codec/index.js'
import { BootcError } from '../errors.js'
import type { RawImage } from '../interfaces/raw-image.js'
import type { ResolvedImage } from '../interfaces/transport.js'
import { isIndexMediaType, parseIndex } from '../oci/index.js'
import type { Platform } from '../oci/types.js'
import type { CopyTotals } from './copy-blob.js'
import type { CopyImageOptions, CopyImageResult } from './copy-image.js'
import { RawCopy } from './copy-raw.js'
import { resolveImage } from './resolve-image.js'

/**
 * Copy what the reference names with all platforms, or an index without them. Asked about is what the reference names,
 * once.
 */
export async function copyIndex(options: CopyImageOptions): Promise<CopyImageResult> {
  const { signal } = options
  const source = await openRaw(options)
  const image = await anyImage(source, options)
  await options.check?.(image)
  if (options.referrers === true) requireReferrers(source, options)
  const copy = new RawCopy({ ...options, source })
  if (options.instances === 'index-only') {
    if (!isIndexMediaType(source.top.mediaType)) throw unsupported(options, 'is no index')
    signal?.throwIfAborted()
    await copy.put(source.top, true)
  } else {
    await copy.document(source.top, true)
  }
  const copied = [...copy.done]
  const referrers = options.referrers === true ? await copy.referrers(copied) : 0
  const { top } = source
  return { image, manifestDigest: top.digest, ...copy.totals, manifests: copied.length, referrers }
}

/** For referrers of something that was copied already. */
export async function openReferrers(options: CopyImageOptions): Promise<RawCopy> {
  const source = await openRaw(options)
  requireReferrers(source, options)
  return new RawCopy({ ...options, source })
}

export function sum(a: CopyTotals, b: CopyTotals): CopyTotals {
  return { copiedBytes: a.copiedBytes + b.copiedBytes, skippedBytes: a.skippedBytes + b.skippedBytes }
}

/** @throws BootcError `TRANSPORT_UNSUPPORTED` */
async function openRaw(options: CopyImageOptions): Promise<RawImage> {
  const { transport, reference } = options.source
  if (transport.openRaw === undefined) throw unsupported(options, 'has no manifests of its own')
  return transport.openRaw(reference, { signal: options.signal })
}

function requireReferrers(source: RawImage, options: CopyImageOptions): void {
  const isRegistry = options.target.destination.transports.includes('registry')
  if (source.referrers !== undefined && isRegistry) return
  throw unsupported(options, 'is copied without its referrers, except between registries')
}

/** One of the images, since a policy judges images: that of the platform, else the first that says what it is for. */
async function anyImage(
  source: RawImage,
  { platform, signal }: Pick<CopyImageOptions, 'platform' | 'signal'>,
): Promise<ResolvedImage> {
  const { top, reference } = source
  const documents = {
    reference,
    top: { bytes: top.bytes, contentType: top.mediaType },
    topDigest: top.digest,
    readManifest: async (descriptor: Parameters<RawImage['document']>[0]) => {
      const { bytes, mediaType } = await source.document(descriptor, { signal })
      return { bytes, contentType: mediaType }
    },
    readConfig: (descriptor: Parameters<RawImage['blob']>[0]) =>
      verifyBlob(
        source.blob(descriptor, { signal }),
        { digest: descriptor.digest, sizeBytes: descriptor.size },
        { signal },
      ),
  }
  const wanted = platform ?? (isIndexMediaType(top.mediaType) ? firstPlatform(top.bytes) : undefined)
  const image = await resolveImage(documents, wanted === undefined ? {} : { platform: wanted })
  return source.servedBy === undefined ? image : { ...image, servedBy: source.servedBy }
}

function firstPlatform(index: Uint8Array): Platform | undefined {
  const platforms = parseIndex(index).manifests.flatMap(({ platform }) => platform ?? [])
  return platforms.find(({ architecture }) => architecture !== 'unknown')
}

function unsupported({ source, target }: CopyImageOptions, problem: string): BootcError {
  const from = `${source.reference.transport}:${source.reference.name}`
  return new BootcError('TRANSPORT_UNSUPPORTED', `${from} ${problem}`, {
    details: { transport: source.reference.transport, target: target.reference.transport },
  })
}
