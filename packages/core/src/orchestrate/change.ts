import type { OpOptions, ResolvedImage, Warning } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import { afterwards, announce } from './announce.js'
import { provideBoundImages } from './bound-images.js'
import type { Writer } from './context.js'
import { deployImage } from './deploy.js'
import { factsOfImage } from './image-facts.js'
import { diffLayers } from './layer-diff.js'
import { pruneAfterwards } from './prune.js'
import { pullImage, resolveChecked } from './pull-image.js'
import type { PullResult } from './pull-types.js'
import { notRebooted, rebootInto } from './reboot-into.js'
import { alreadyDeployed, twinOf } from './twin.js'
import type { ChangeResult, LayerDiff, SoftRebootMode } from './types.js'

/** Pull what a host follows (or will follow) into its store, with the checks of a bootable image. */
export async function pullForHost(
  writer: Pick<Writer, 'context' | 'store' | 'sysroot' | 'state'>,
  origin: SignedImageReference,
  options: OpOptions,
): Promise<PullResult> {
  const { context, store, sysroot, state } = writer
  const { parts } = context
  const labelsFrom = state.anchor?.deployment.image?.manifestDigest
  const anchorImage = labelsFrom === undefined ? undefined : await store.images.get(labelsFrom)
  // While a system moves, the anchor's image may be in another store.
  const policyFrom = anchorImage?.store === store.name ? anchorImage : undefined
  return pullImage({
    transports: parts.transports,
    store: store.images,
    reference: origin.image,
    target: origin.image,
    source: origin.signature,
    policy: context.policy,
    codec: context.codec,
    requireBootable: { architecture: sysroot.host.arch },
    platform: { architecture: sysroot.host.arch, os: 'linux' },
    concurrency: parts.concurrency,
    policyFrom,
    signal: options.signal,
    onProgress: options.onProgress,
  })
}

/** What a pull would find: manifest and config, accepted by the policy. */
export function resolveForHost(
  { context, sysroot, store }: Pick<Writer, 'context' | 'sysroot' | 'store'>,
  origin: SignedImageReference,
  { signal }: OpOptions,
): Promise<ResolvedImage> {
  const architecture = sysroot.host.arch
  return resolveChecked({
    transports: context.parts.transports,
    reference: origin.image,
    source: origin.signature,
    store: store.images,
    policy: context.policy,
    requireBootable: { architecture },
    platform: { architecture, os: 'linux' },
    signal,
  })
}

/** What is new against the image that runs (or would boot); undefined when the store has forgotten that one. */
export async function diffToAnchor(
  { store, state }: Pick<Writer, 'store' | 'state'>,
  manifest: { readonly layers: PullResult['image']['manifest']['layers'] },
): Promise<LayerDiff | undefined> {
  const digest = state.anchor?.deployment.image?.manifestDigest
  const before = digest === undefined ? undefined : await store.images.get(digest)
  return before === undefined ? undefined : diffLayers(before.manifest.layers, manifest.layers)
}

/**
 * Deploy what was pulled, tell about it, clean up, reboot when asked to.
 *
 * @throws BootcError `DEPLOY_EXISTS` and what deploying throws
 */
export async function deployPulled(
  writer: Writer,
  pull: PullResult,
  how: {
    origin: SignedImageReference
    retainOrigin: boolean
    locked: boolean
    apply: boolean
    softReboot?: SoftRebootMode | undefined
  },
  options: OpOptions,
): Promise<ChangeResult> {
  const { sysroot, state } = writer
  const twin = await twinOf(writer, pull.image, options)
  // A staged one is replaced: nothing boots from it yet.
  if (twin !== undefined && !twin.staged) throw alreadyDeployed(twin, state)
  const layerDiff = await diffToAnchor(writer, pull.image.manifest)
  const { image } = pull
  // Before anything is deployed: a system whose services lack their images must not become the next one.
  const tree = await writer.store.images.open(image)
  const boundImages = await provideBoundImages(writer, tree, {}, options)
  const deployed = await deployImage(writer, { image, ...how }, options)
  const warnings: Warning[] = [...pull.warnings, ...deployed.warnings]

  const step = (done: boolean) =>
    options.onProgress?.({ type: 'stage:step', detail: { step: 'cleanup', done } })
  step(false)
  warnings.push(
    ...(await afterwards(() =>
      announce(sysroot, deployed.outcome === 'staged' ? image.manifestDigest : undefined),
    )),
  )
  const { pruned, warnings: pruneWarnings } = await pruneAfterwards(writer, options)
  warnings.push(...pruneWarnings)
  step(true)
  const reboot = state.live ? await rebootInto(writer, deployed.deployment, how, options) : notRebooted
  return {
    outcome: deployed.outcome,
    image: factsOfImage(image, how.origin),
    deployment: deployed.deployment,
    ...(layerDiff === undefined ? {} : { layerDiff }),
    pull,
    ...(pruned === undefined ? {} : { pruned }),
    ...(boundImages === undefined ? {} : { boundImages }),
    ...(deployed.etc === undefined ? {} : { etc: deployed.etc }),
    ...reboot,
    warnings: [...warnings, ...reboot.warnings],
  }
}

/** Nothing to do, said with what is known. */
export function noChange(outcome: ChangeResult['outcome'], facts: Partial<ChangeResult> = {}): ChangeResult {
  return { outcome, warnings: [], rebootRequested: false, ...facts }
}
