import { boundPlatform, readBoundImages, type BoundImage } from '../bound-images/read-bound-images.js'
import { BootcError, isBootcError } from '../errors.js'
import type {
  Digest,
  ImageStore,
  OpOptions,
  ReadTree,
  StoreBackend,
  SysrootLock,
  Warning,
} from '../interfaces/index.js'
import type { ImageReference } from '../oci/reference.js'
import { mapLimit } from '../store-kit/map-limit.js'
import type { BoundImageFacts, BoundImagesResult, BoundImageState, BoundMode } from './bound-types.js'
import type { Context } from './context.js'
import { loadState } from './load.js'
import { withEtcAtRoot } from './merged-etc-view.js'
import { pullImage } from './pull-image.js'

/** Images at a time. */
const parallelImages = 3

/**
 * Fetch what a system's image asks for and is not there yet; what is there stays as it is, also when its tag has moved
 * on. Nothing is removed.
 *
 * @param tree root of the system's image, as its store has it
 * @returns undefined when it asks for none
 * @throws BootcError `IMAGE_BOUND_INVALID`, `DEPLOY_BOUND_STORE`, `DEPLOY_BOUND_IMAGE`, and what laying out the store throws
 */
export async function provideBoundImages(
  {
    context,
    store,
    lock,
  }: { readonly context: Context; readonly store: StoreBackend; readonly lock: SysrootLock },
  tree: ReadTree,
  how: { readonly mode?: Exclude<BoundMode, 'skip'>; readonly architecture?: string | undefined },
  options: OpOptions,
): Promise<BoundImagesResult | undefined> {
  const bound = await boundImagesOf(tree)
  if (bound.length === 0) return undefined
  const step = (done: boolean) =>
    options.onProgress?.({ type: 'stage:step', detail: { step: 'bound_images', done } })
  step(false)
  const { sysroot, parts } = context
  if (parts.boundImages === undefined) {
    throw new BootcError(
      'DEPLOY_BOUND_STORE',
      `the image is bound to ${bound.length} others, and there is no place for them`,
      {
        details: { images: bound.map(({ image }) => image) },
      },
    )
  }
  const images = await parts.boundImages.init(sysroot, lock, {
    store: store.name,
    labelsFrom: await withEtcAtRoot(tree),
    signal: options.signal,
    onProgress: options.onProgress,
  })
  const machine = how.architecture ?? sysroot.host.arch
  // One image may be asked for by several units.
  const unique = [...new Map(bound.map((each) => [each.reference.name, each])).values()]
  const facts = await mapLimit(unique, parallelImages, (each) =>
    provide(context, images, each, { ...how, machine }, options),
  )
  await sysroot.root.sync()
  step(true)
  return { images: facts, bytesFetched: facts.reduce((sum, { bytesFetched }) => sum + bytesFetched, 0) }
}

async function provide(
  context: Context,
  images: ImageStore,
  bound: BoundImage,
  how: { readonly mode?: Exclude<BoundMode, 'skip'>; readonly machine: string },
  options: OpOptions,
): Promise<BoundImageFacts> {
  const { image, reference, file } = bound
  const platform = boundPlatform(bound, how.machine)
  try {
    options.signal?.throwIfAborted()
    const known = await images.lookup(reference)
    if (known !== undefined && known.config.architecture === platform.architecture) {
      return { image, file, manifestDigest: known.manifestDigest, fetched: false, bytesFetched: 0 }
    }
    const from: ImageReference =
      how.mode === 'stored' ? { transport: 'containers-storage', name: reference.name } : reference
    const { image: stored, bytesFetched } = await pullImage({
      transports: context.parts.transports,
      store: images,
      reference: from,
      target: reference,
      // As podman takes them: by the machine's policy where there is one, and no more.
      source: { kind: 'insecure' },
      policy: context.policy,
      codec: context.codec,
      platform,
      concurrency: context.parts.concurrency,
      timestamp: Math.floor(context.sysroot.host.now() / 1000),
      signal: options.signal,
      onProgress: (event) => {
        // Which layers the system's own image has was told already.
        if (event.type !== 'pull:resolved' && event.type !== 'import:merge') options.onProgress?.(event)
      },
    })
    return { image, file, manifestDigest: stored.manifestDigest, fetched: true, bytesFetched }
  } catch (cause) {
    options.signal?.throwIfAborted()
    throw unavailable(bound, how.mode, cause)
  }
}

function unavailable({ image, file }: BoundImage, mode: BoundMode | undefined, cause: unknown): BootcError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const hint =
    mode === 'stored' && isBootcError(cause, 'TRANSPORT_NOT_FOUND')
      ? '; pull it on this machine first, or have it pulled into the new system'
      : ''
  return new BootcError('DEPLOY_BOUND_IMAGE', `bound image ${image} (${file}): ${message}${hint}`, {
    details: { image, file, ...(isBootcError(cause) ? { reason: cause.code } : {}) },
    cause,
  })
}

/** The images that a root asks for; its /etc may lie in /usr/etc. */
async function boundImagesOf(tree: ReadTree): Promise<BoundImage[]> {
  return readBoundImages(await withEtcAtRoot(tree))
}

/**
 * Remove bound images that none of the roots asks for. Where one of them cannot be understood, nothing is removed.
 *
 * @returns warnings; the clean-up of the rest does not fail because of this
 */
export async function pruneBoundImages(
  context: Context,
  roots: readonly (() => Promise<ReadTree>)[],
  options: OpOptions,
): Promise<readonly Warning[]> {
  const images = await context.parts.boundImages?.open(context.sysroot)
  if (images === undefined) return []
  const keep = new Set<Digest>()
  try {
    for (const root of roots) {
      for (const { reference } of await boundImagesOf(await root())) {
        const image = await images.lookup(reference)
        if (image !== undefined) keep.add(image.manifestDigest)
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    const message = error instanceof Error ? error.message : String(error)
    return [{ code: 'prune:bound-images', message: `bound images were left alone: ${message}` }]
  }
  await images.prune(keep, { signal: options.signal })
  return []
}

/** What the booted (else default) deployment asks for; takes no lock. */
export async function listBoundImages(context: Context, options: OpOptions): Promise<BoundImageState[]> {
  options.signal?.throwIfAborted()
  const current = await context.backends.current()
  const { anchor } = current === undefined ? {} : await loadState(context.sysroot, current)
  if (current === undefined || anchor === undefined) return []
  const images = await context.parts.boundImages?.open(context.sysroot)
  const found: BoundImageState[] = []
  for (const { image, file, reference } of await boundImagesOf(
    await current.store.deployments.root(anchor.id),
  )) {
    const manifestDigest = (await images?.lookup(reference))?.manifestDigest
    found.push({ image, file, ...(manifestDigest === undefined ? {} : { manifestDigest }) })
  }
  return found
}
