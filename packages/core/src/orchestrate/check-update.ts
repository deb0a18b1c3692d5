import { BootcError } from '../errors.js'
import type { ResolvedImage, StoreBackend, StoredImage, Warning } from '../interfaces/index.js'
import { canonicalReference } from '../oci/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import { afterwards, touchTrigger } from './announce.js'
import { diffToAnchor, noChange } from './change.js'
import { checkBootable } from './bootable.js'
import { assertBooted, type Context } from './context.js'
import { upgradeTarget } from './followed.js'
import type { HostState } from './host-state.js'
import { factsOfImage } from './image-facts.js'
import { loadState } from './load.js'
import { resolveImage } from './resolve-image.js'
import { standingFailure } from './trial-failed.js'
import type { ChangeResult, UpgradeOptions } from './types.js'
import { isStillNamed } from './unchanged.js'

/**
 * `upgrade --check`: manifest and config only. The answer is remembered in the store for `status`; nothing
 * else is written, and no lock of the sysroot is taken.
 */
export async function checkForUpdate(context: Context, options: UpgradeOptions): Promise<ChangeResult> {
  const backends = await context.backends.current()
  if (backends === undefined) {
    throw new BootcError('SYSROOT_NOT_INITIALIZED', 'nothing is deployed on this sysroot')
  }
  const { sysroot } = context
  const state = await loadState(sysroot, backends)
  assertBooted({ state })
  const origin = upgradeTarget(state, options.tag)
  const platform = { architecture: sysroot.host.arch, os: 'linux' }
  const pulled = await backends.store.images.lookup(origin.image)
  // An image whose origin is to be verified is asked about in full.
  if (pulled !== undefined && origin.signature.kind === 'insecure') {
    const { signal } = options
    if (await isStillNamed(context.parts.transports, origin.image, pulled, { signal, platform })) {
      return upToDate(state, { ...pulled, reference: origin.image }, origin, sysroot.host.arch, options)
    }
  }
  const resolved = await resolveImage(context.parts.transports, canonicalReference(origin.image), {
    signal: options.signal,
    platform,
  })
  await context.policy.check(resolved, origin.signature, {
    signal: options.signal,
    // Whoever pulls it then has the commit to look at.
    storeVerifies: backends.store.images.supports.commitSignatures === true,
  })
  const warnings = checkBootable(resolved, sysroot.host.arch)
  const image = factsOfImage(resolved, origin)
  const failed = options.retryFailed === true ? undefined : standingFailure(state, resolved)
  if (failed !== undefined) return noChange('known-bad', { image, warnings, failed })
  if (isStored(pulled, state, resolved)) {
    return noChange('up-to-date', { image, warnings })
  }
  const layerDiff = await diffToAnchor({ ...backends, state }, resolved.manifest)
  warnings.push(...(await remember(context, backends.store, state, resolved)))
  return noChange('update-available', { image, warnings, ...(layerDiff === undefined ? {} : { layerDiff }) })
}

/** Nothing was fetched, because nothing has changed. */
function upToDate(
  state: HostState,
  known: StoredImage & Pick<ResolvedImage, 'reference'>,
  origin: SignedImageReference,
  architecture: string,
  options: UpgradeOptions,
): ChangeResult {
  const warnings = checkBootable(known, architecture)
  const image = factsOfImage(known, origin)
  const failed = options.retryFailed === true ? undefined : standingFailure(state, known)
  return failed === undefined
    ? noChange('up-to-date', { image, warnings })
    : noChange('known-bad', { image, warnings, failed })
}

/** The same image, by manifest or config, is what boots or has been pulled already. */
function isStored(pulled: StoredImage | undefined, state: HostState, resolved: ResolvedImage): boolean {
  return [pulled, state.anchor?.deployment.image].some(
    (image) =>
      image !== undefined &&
      (image.manifestDigest === resolved.manifestDigest || image.configDigest === resolved.configDigest),
  )
}

async function remember(
  context: Context,
  store: StoreBackend,
  state: HostState,
  { manifestDigest, manifest, config }: ResolvedImage,
): Promise<Warning[]> {
  const digest = state.anchor?.deployment.image?.manifestDigest
  if (context.sysroot.readOnly || digest === undefined) return []
  return afterwards(async () => {
    const image = await store.images.get(digest)
    if (image === undefined) return
    await store.images.setCachedUpdate(image, { manifestDigest, manifest, config })
    await touchTrigger(context.sysroot)
  })
}
