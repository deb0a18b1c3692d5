import { BootcError } from '../errors.js'
import type { OpOptions, Warning } from '../interfaces/index.js'
import { parseKarg, sameKarg, sameKargKey, type OwnedKargs } from '../kargs/index.js'
import { afterwards, announce } from './announce.js'
import { assertBooted, withWriter, type Context, type Writer } from './context.js'
import { deployImage } from './deploy.js'
import type { HostEntry } from './host-state.js'
import { kargsOfDeployment } from './image-kargs.js'
import type { KargsResult } from './kargs-types.js'
import { pruneAfterwards } from './prune.js'
import { orderWithNew } from './retention.js'
import { recordExtra } from './staged-keys.js'
import { checkBootRoom, planOrder, writeOrder } from './write-order.js'

/** New arguments from those there are; `image` is the list that the deployment's image ships. */
export type KargChange = (current: OwnedKargs, facts: ChangeFacts) => OwnedKargs | Promise<OwnedKargs>

export interface ChangeFacts {
  readonly writer: Writer
  readonly base: HostEntry
  readonly image: readonly string[]
}

/**
 * Change the kernel arguments of what boots next: of the staged deployment, else of the booted one, else of the
 * default. A staged one keeps its lock. From the booted one a deployment of the same image is made and staged,
 * so that the machine can go back; where the store can have one of an image only, and on a sysroot that is not
 * running, the entry itself is rewritten by the loader's one step.
 *
 * @throws BootcError `BOOT_UKI_KARGS`, `BOOT_KARG_RESERVED`, `BOOT_NO_SPACE` and what `change` throws
 */
export function changeKargs(context: Context, change: KargChange, options: OpOptions): Promise<KargsResult> {
  return withWriter(context, options, async (writer) => {
    assertBooted(writer)
    const base = kargsBase(writer)
    await assertUnsealed(writer, base)
    const { deployments } = writer.store
    const image = await kargsOfDeployment(deployments, base.id, writer.sysroot.host.arch)
    const wanted = await change(base, { writer, base, image })
    assertRootKargsKept(base.kargs, wanted.kargs, deployments.rootKargKeys ?? [])
    const { id } = base
    if (sameOwned(base, wanted)) {
      return { outcome: 'unchanged', deployment: id, kargs: base.kargs, warnings: [] }
    }
    options.signal?.throwIfAborted()
    if (base.staged) return restage(writer, base, wanted, options)
    return stagesAnew(writer, base)
      ? stageAnew(writer, base, wanted, options)
      : rewrite(writer, base, wanted, options)
  })
}

/** Whose arguments a change is about. @throws BootcError `DEPLOY_NOT_BOOTED` */
export function kargsBase({ state }: Pick<Writer, 'state'>): HostEntry {
  const base = [state.staged, ...state.others].find((entry) => entry?.staged) ?? state.anchor
  if (base !== undefined) return base
  throw new BootcError('DEPLOY_NOT_BOOTED', 'there is no deployment to change arguments of')
}

/** Stores where the image decides a deployment's id can have one of it only. */
function stagesAnew({ store, state }: Writer, { deployment }: HostEntry): boolean {
  return (
    state.live &&
    store.deployments.idOf === undefined &&
    deployment.store === store.name &&
    deployment.image !== undefined &&
    deployment.origin !== undefined
  )
}

async function stageAnew(
  writer: Writer,
  base: HostEntry,
  wanted: OwnedKargs,
  options: OpOptions,
): Promise<KargsResult> {
  const { image: facts, origin } = base.deployment
  const image = await writer.store.images.get(facts!.manifestDigest)
  if (image === undefined) return rewrite(writer, base, wanted, options)
  const { deployment, warnings } = await deployImage(
    writer,
    { image, origin: origin!, retainOrigin: true, locked: false, change: () => wanted },
    options,
  )
  return finish(writer, { outcome: 'staged', deployment, kargs: wanted.kargs, warnings }, base, options)
}

/** The record is all that a staged deployment's arguments are in; entries that wait are made anew beside it. */
async function restage(
  writer: Writer,
  base: HostEntry,
  wanted: OwnedKargs,
  options: OpOptions,
): Promise<KargsResult> {
  const { state, loader, store, sysroot, lock } = writer
  const record = state.stagedRecord!
  const followed = state.order.find(({ id }) => id === record.mergeFrom)
  const entry: HostEntry = { ...base, kargs: wanted.kargs, extra: wanted.extra }
  const plan = await planOrder(writer, orderWithNew(entry, state, record.mergeFrom))
  await checkBootRoom(writer, plan)
  if (plan.boot !== undefined) await loader.prepare(plan.boot, lock, options)
  await sysroot.root.sync()
  options.signal?.throwIfAborted()
  const { extra: _, ...kept } = record
  const extra = recordExtra([...(followed?.extra ?? []), ...base.extra], wanted.extra)
  await store.deployments.setStaged({ ...kept, kargs: wanted.kargs, ...extra }, lock)
  return {
    ...{ outcome: 'staged', deployment: base.id, kargs: wanted.kargs, locked: record.locked },
    warnings: [],
  }
}

async function rewrite(
  writer: Writer,
  base: HostEntry,
  wanted: OwnedKargs,
  options: OpOptions,
): Promise<KargsResult> {
  const { state } = writer
  if (!state.order.some(({ id }) => id === base.id)) {
    throw new BootcError('BOOT_ENTRY_NOT_FOUND', `deployment ${base.id} has no boot entry`, {
      details: { deployment: base.id },
    })
  }
  const order = state.order.map((entry) =>
    entry.id === base.id ? { ...entry, kargs: wanted.kargs, extra: wanted.extra } : entry,
  )
  const plan = await planOrder(writer, order)
  await checkBootRoom(writer, plan)
  await writeOrder(writer, plan, options)
  const warnings: Warning[] = []
  if (order[0]!.id !== base.id) {
    const message = `the change is for deployment ${base.id}, which is not what boots next`
    warnings.push({ code: 'kargs:not-next', message, details: { deployment: base.id, next: order[0]!.id } })
  }
  const { id: deployment } = base
  return finish(writer, { outcome: 'rewritten', deployment, kargs: wanted.kargs, warnings }, base, options)
}

async function finish(
  writer: Writer,
  result: KargsResult,
  base: HostEntry,
  options: OpOptions,
): Promise<KargsResult> {
  const told = await afterwards(() => announce(writer.sysroot, base.deployment.image?.manifestDigest))
  const { warnings } = await pruneAfterwards(writer, { ...options, images: false })
  return { ...result, warnings: [...result.warnings, ...told, ...warnings] }
}

/** Unified kernel images are sealed with their arguments. */
async function assertUnsealed({ store, state }: Writer, { id, kargs }: HostEntry): Promise<void> {
  const [spec] = await store.deployments.bootSpecs([{ id, kargs }], state.bootVersion)
  if (spec?.artifact.kind !== 'uki') return
  throw new BootcError(
    'BOOT_UKI_KARGS',
    'the deployment boots by a unified kernel image, whose kernel arguments cannot be changed',
    { details: { kargs: [], deployment: id } },
  )
}

/** Arguments that lead to the deployment are the store's. */
function assertRootKargsKept(
  before: readonly string[],
  after: readonly string[],
  keys: readonly string[],
): void {
  const own = (kargs: readonly string[]) =>
    kargs.filter((karg) => keys.some((key) => sameKargKey(parseKarg(karg).key, key)))
  const [were, are] = [own(before), own(after)]
  const changed = [...are, ...were].find(
    (karg) => !were.some((other) => sameKarg(other, karg)) || !are.some((other) => sameKarg(other, karg)),
  )
  if (changed === undefined && were.length === are.length) return
  const karg = changed ?? are[0]!
  throw new BootcError('BOOT_KARG_RESERVED', `kernel argument ${karg} leads to the deployment itself`, {
    details: { karg },
  })
}

function sameOwned(a: OwnedKargs, b: OwnedKargs): boolean {
  const text = ({ kargs, extra }: OwnedKargs) => JSON.stringify([kargs, extra])
  return text(a) === text(b)
}
