import { BootcError } from '../errors.js'
import type { DeploymentId, OpOptions, StagedRecord, StoredImage, Warning } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import type { Writer } from './context.js'
import { carryEtc, checkEtc, type EtcOutcome } from './etc.js'
import type { OwnedKargs } from '../kargs/index.js'
import type { HostEntry } from './host-state.js'
import { assertBoots, inspectBoot } from './image-boot.js'
import { inheritKargs, inheritedKeys } from './image-kargs.js'
import { recordExtra } from './staged-keys.js'
import { discardUnfinished } from './prune.js'
import { orderWithNew } from './retention.js'
import { planTrial, recordTrial } from './trial-start.js'
import type { ChangeOutcome, EtcSummary } from './types.js'
import { checkBootRoom, planOrder, writeOrder } from './write-order.js'

export interface NewDeployment {
  readonly image: StoredImage
  readonly origin: SignedImageReference
  readonly retainOrigin: boolean
  /** `--download-only`. */
  readonly locked: boolean
  /** What is to change in the arguments that it inherits. */
  readonly change?: ((inherited: OwnedKargs) => OwnedKargs) | undefined
}

export interface Deployed {
  readonly outcome: Extract<ChangeOutcome, 'staged' | 'downloaded' | 'deployed'>
  readonly deployment: DeploymentId
  readonly etc?: EtcSummary
  readonly warnings: readonly Warning[]
}

/**
 * Make a deployment that follows the anchor (booted, else default) and have it boot next: staged for the
 * shutdown of a running system, at once on a sysroot that is not running. When it fails or is aborted, what
 * was made is taken away again.
 */
export async function deployImage(
  writer: Writer,
  fresh: NewDeployment,
  options: OpOptions,
): Promise<Deployed> {
  const base = writer.state.anchor
  if (base === undefined) throw new BootcError('DEPLOY_NOT_BOOTED', 'there is no deployment to follow')
  try {
    return await createAndPlace(writer, fresh, base, options)
  } catch (error) {
    await discardUnfinished(writer)
    throw error
  }
}

async function createAndPlace(
  writer: Writer,
  fresh: NewDeployment,
  base: HostEntry,
  options: OpOptions,
): Promise<Deployed> {
  const { store, loader, sysroot, state, lock } = writer
  const step = (name: 'merging' | 'deploying', done: boolean) =>
    options.onProgress?.({ type: 'stage:step', detail: { step: name, done } })
  step('deploying', false)
  assertBoots(await inspectBoot(await store.images.open(fresh.image)))
  const { stateroot } = base.deployment
  const isMove = base.deployment.store !== store.name
  const varFrom = isMove ? await store.deployments.varDir?.(base.id) : undefined
  const deployment = await store.deployments.create(
    fresh.image,
    {
      origin: fresh.origin,
      ...(stateroot === undefined ? {} : { stateroot }),
      ...(fresh.retainOrigin && !isMove ? { retainOriginOf: base.id } : {}),
      ...(varFrom === undefined ? {} : { varFrom }),
      ...(base.deployment.ukiAddons === undefined ? {} : { ukiAddons: base.deployment.ukiAddons }),
    },
    lock,
    options,
  )
  const inherited = await inheritKargs(store.deployments, deployment.id, base, sysroot.host.arch)
  const entry = newEntry(deployment, fresh.change?.(inherited) ?? inherited)
  step('deploying', true)

  step('merging', false)
  const etc = await checkEtc(writer, deployment.id, base.id, options)
  const order = orderWithNew(entry, state, base.id)
  const trial = await planTrial(writer, order)
  const plan = await planOrder(writer, order, trial.counts)
  await checkBootRoom(writer, plan)
  step('merging', true)

  if (!state.live) {
    const carried = await completeDeployment(writer, entry, base.id, options)
    const warnings = [...inherited.warnings, ...carried.warnings]
    return { outcome: 'deployed', deployment: deployment.id, ...carried, warnings }
  }
  // Kernels and entries wait in the inactive set, so that the shutdown has little left to fail on.
  if (plan.boot !== undefined) await loader.prepare(plan.boot, lock, options)
  await sysroot.root.sync()
  options.signal?.throwIfAborted()
  const record: StagedRecord = {
    ...{ id: deployment.id, mergeFrom: base.id, kargs: entry.kargs, locked: fresh.locked },
    ...recordExtra(base.extra, entry.extra),
  }
  await store.deployments.setStaged(record, lock)
  const armed = (await store.deployments.armFinalize?.(lock)) ?? []
  return {
    outcome: fresh.locked ? 'downloaded' : 'staged',
    deployment: deployment.id,
    ...etc,
    warnings: [...inherited.warnings, ...etc.warnings, ...trial.warnings, ...armed],
  }
}

/** The entry of a deployment that follows another. */
export function newEntry(deployment: HostEntry['deployment'], { kargs, extra }: OwnedKargs): HostEntry {
  return {
    ...{ id: deployment.id, deployment, kargs },
    extra: inheritedKeys(extra),
    staged: false,
    locked: false,
    softRebootCapable: false,
  }
}

/** Last steps, also run at shutdown: /etc, seal, list. Repeatable from the start as long as it has not ended. */
export async function completeDeployment(
  writer: Writer,
  entry: HostEntry,
  mergeFrom: DeploymentId | undefined,
  options: OpOptions,
): Promise<EtcOutcome> {
  const { store, state, lock } = writer
  const carried = await carryEtc(writer, entry.id, mergeFrom, options)
  await store.deployments.seal(entry.id, lock)
  const order = orderWithNew(entry, state, mergeFrom)
  const trial = await planTrial(writer, order)
  const plan = await planOrder(writer, order, trial.counts)
  await checkBootRoom(writer, plan)
  const recorded = await recordTrial(writer, order, trial, options)
  await writeOrder(writer, plan, options)
  return { ...carried, warnings: [...carried.warnings, ...trial.warnings, ...recorded] }
}
