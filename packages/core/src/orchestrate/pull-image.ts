import { defaultCodec } from '../codec/index.js'
import { BootcError } from '../errors.js'
import type {
  ImageStore,
  ImportSession,
  ReadTree,
  ResolvedImage,
  StoredImage,
  Warning,
} from '../interfaces/index.js'
import { canonicalReference, referenceDigest } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { PullEvent } from '../progress.js'
import { checkBootable } from './bootable.js'
import { insecureOnlyPolicy } from './policy.js'
import { pullLayers } from './pull-layers.js'
import type { PulledLayer, PullImageOptions, PullResult } from './pull-types.js'
import { resolveImage, transportFor } from './resolve-image.js'
import { isStillNamed } from './unchanged.js'

/**
 * Bring an image into a store: resolve, ask the policy, compare with what is there, check the room, fetch
 * what is missing, file it. Layers that arrived stay when it fails or is aborted; no image is visible then.
 *
 * @throws BootcError `TRANSPORT_*`, `IMAGE_*`, `STORE_NO_SPACE` and what the store throws
 */
export function pullImage(options: PullImageOptions): Promise<PullResult> {
  return pullResolved(options)
}

/** `pullImage` of something that `resolveChecked` has seen, without asking the transport again. */
export async function pullResolved(
  options: PullImageOptions & { readonly resolved?: ResolvedImage | undefined },
): Promise<PullResult> {
  options.signal?.throwIfAborted()
  const { store } = options
  const reference = canonicalReference(options.reference)
  const filedUnder = options.target ?? reference

  const known = options.unnamed === true ? undefined : await store.lookup(filedUnder)
  // What is there may have come without being verified, so that one is asked about again.
  const isTrusted = (options.source ?? { kind: 'insecure' }).kind === 'insecure'
  if (known !== undefined && isTrusted && isStoredDigest(known, reference)) {
    return unchanged(known, 'digest-stored', [])
  }

  if (known !== undefined && isTrusted && options.resolved === undefined) {
    const { signal, platform } = options
    if (await isStillNamed(options.transports, reference, known, { signal, platform })) {
      return unchanged(known, 'same-manifest', bootableWarnings(options, { ...known, reference }))
    }
  }

  const resolved = options.resolved ?? (await resolveChecked(options))
  const remote = options.source?.kind === 'ostreeRemote' ? options.source.remote : undefined
  const isSame =
    known?.manifestDigest === resolved.manifestDigest || known?.configDigest === resolved.configDigest
  // The policy has refused stores that cannot.
  if (known !== undefined && isSame && remote !== undefined) {
    await store.verifyCommit?.(known, remote, signalOf(options))
  }
  const warnings = [...(resolved.warnings ?? []), ...bootableWarnings(options, resolved)]
  if (known?.manifestDigest === resolved.manifestDigest) return unchanged(known, 'same-manifest', warnings)
  if (known?.configDigest === resolved.configDigest) return unchanged(known, 'same-config', warnings)
  return importImage(options, resolved, known, warnings)
}

/**
 * The part of a pull that touches nothing: resolve, ask the policy, check that the image can be booted.
 *
 * @throws BootcError `TRANSPORT_*`, `IMAGE_*`
 */
export async function resolveChecked(options: ResolveOptions): Promise<ResolvedImage> {
  const resolved = await resolveImage(
    options.transports,
    canonicalReference(options.reference),
    pick(options),
  )
  await (options.policy ?? insecureOnlyPolicy()).check(resolved, options.source ?? { kind: 'insecure' }, {
    ...signalOf(options),
    storeVerifies: options.store?.supports.commitSignatures === true,
  })
  bootableWarnings(options, resolved)
  return resolved
}

async function importImage(
  options: PullImageOptions,
  resolved: ResolvedImage,
  known: StoredImage | undefined,
  warnings: readonly Warning[],
): Promise<PullResult> {
  const emit = (event: PullEvent) => options.onProgress?.(event)
  await using session = await options.store.begin(resolved, {
    ...signalOf(options),
    ...(options.target === undefined ? {} : { target: options.target }),
    ...(options.unnamed === undefined ? {} : { unnamed: options.unnamed }),
    ...(options.policyFrom === undefined ? {} : { policyFrom: options.policyFrom }),
    ...(options.timestamp === undefined ? {} : { timestamp: options.timestamp }),
    ...(options.source?.kind === 'ostreeRemote' ? { ostreeRemote: options.source.remote } : {}),
  })
  await checkRoom(options.store, session, resolved)
  emit({
    type: 'pull:resolved',
    detail: {
      manifestDigest: resolved.manifestDigest,
      layers: session.layers.map(({ descriptor, present }) => ({
        digest: descriptor.digest,
        sizeBytes: descriptor.size,
        present,
      })),
    },
  })
  const cached = session.layers.map((layer) => layer.present)
  const bytes = await pullLayers({
    transport: transportFor(options.transports, resolved.reference.transport),
    image: resolved,
    session,
    codec: options.codec ?? defaultCodec(),
    concurrency: options.concurrency ?? 2,
    attempts: options.attempts ?? 3,
    retryWaitMs: options.retryWaitMs ?? 500,
    signal: options.signal,
    emit,
    similarRoot: options.partial === false ? undefined : lazyRoot(options.store, known),
  })
  options.signal?.throwIfAborted()
  emit({ type: 'import:merge', detail: { done: false } })
  const { image, warnings: importWarnings } = await session.commit({
    ...signalOf(options),
    onProgress: (event) => emit(event as PullEvent),
  })
  emit({ type: 'import:merge', detail: { done: true } })
  return {
    image,
    changed: true,
    layers: layersOf(image, cached),
    bytesFetched: bytes.fetched,
    bytesResumed: bytes.resumed,
    ...(resolved.servedBy === undefined ? {} : { servedBy: resolved.servedBy.name }),
    warnings: [...warnings, ...importWarnings],
  }
}

/**
 * The image that this one follows, else any: opened once, when a layer asks for it. One that is damaged saves nothing,
 * and must not be in the way of its successor.
 */
function lazyRoot(store: ImageStore, known: StoredImage | undefined): () => Promise<ReadTree | undefined> {
  let root: Promise<ReadTree | undefined> | undefined
  const open = async () => {
    const image = known ?? (await firstOf(store.list()))
    return image === undefined ? undefined : store.open(image)
  }
  return () => (root ??= open().catch(() => undefined))
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item
  return undefined
}

type ResolveOptions = Pick<
  PullImageOptions,
  'transports' | 'reference' | 'policy' | 'source' | 'platform' | 'requireBootable' | 'signal'
> & {
  /** Where it goes, when that is known: a store may verify signatures of commits itself. */
  readonly store?: Pick<ImageStore, 'supports'> | undefined
}

function bootableWarnings(
  { requireBootable }: Pick<PullImageOptions, 'requireBootable'>,
  resolved: Parameters<typeof checkBootable>[0],
): Warning[] {
  return requireBootable === undefined ? [] : checkBootable(resolved, requireBootable.architecture)
}

/** A reference by digest that is filed already needs no network. */
function isStoredDigest(known: StoredImage, reference: ImageReference): boolean {
  return reference.transport === 'registry' && referenceDigest(reference) === known.manifestDigest
}

function unchanged(
  image: StoredImage,
  reason: NonNullable<PullResult['reason']>,
  warnings: readonly Warning[],
): PullResult {
  const layers = layersOf(
    image,
    image.layers.map(() => true),
  )
  return { image, changed: false, reason, layers, bytesFetched: 0, bytesResumed: 0, warnings }
}

function layersOf(image: StoredImage, cached: readonly boolean[]): PulledLayer[] {
  return image.layers.map(({ digest, diffId, ref, id }, index) => ({
    digest,
    diffId,
    ref,
    id,
    sizeBytes: image.manifest.layers[index]?.size ?? 0,
    cached: cached[index] ?? true,
  }))
}

/** bootc's rule: the missing blobs, as transported, must fit. */
async function checkRoom(store: ImageStore, session: ImportSession, image: ResolvedImage): Promise<void> {
  const missing = session.layers.filter((layer) => !layer.present)
  const needBytes = missing.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
  if (needBytes === 0) return
  const freeBytes = await store.freeBytes()
  if (needBytes <= freeBytes) return
  throw new BootcError(
    'STORE_NO_SPACE',
    `Insufficient free space for ${image.reference.name} (available: ${freeBytes} required: ${needBytes})`,
    { details: { needBytes, freeBytes } },
  )
}

function signalOf({ signal }: Pick<PullImageOptions, 'signal'>): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

function pick(options: ResolveOptions): { signal?: AbortSignal; platform?: PullImageOptions['platform'] } {
  return {
    ...signalOf(options),
    ...(options.platform === undefined ? {} : { platform: options.platform }),
  }
}
