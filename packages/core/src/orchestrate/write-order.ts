import { BootcError } from '../errors.js'
import type {
  BootCount,
  BootPlan,
  BootSpec,
  BootVersion,
  DeploymentId,
  OpOptions,
} from '../interfaces/index.js'
import type { Writer } from './context.js'
import type { HostEntry } from './host-state.js'
import { entriesDiffer, withoutRootKargs, type EntryFace } from './swap.js'
import { keptCounts } from './trial-judge.js'

/** A list of deployments about to become what boots, and how. */
export interface OrderPlan {
  readonly entries: readonly HostEntry[]
  /** Version of the entries once it is done. */
  readonly version: BootVersion
  /** Only links have to change; the entries on disk stay. */
  readonly relink: boolean
  readonly boot?: BootPlan
}

/** Tries of entries on trial. */
export type BootCounts = ReadonlyMap<DeploymentId, BootCount>

/**
 * Find out what a new list takes; writes nothing.
 *
 * @param counts which entries are on trial; default: as the loader has counted so far
 */
export async function planOrder(
  writer: Writer,
  entries: readonly HostEntry[],
  counts: BootCounts = keptCounts(entries),
): Promise<OrderPlan> {
  const { store, loader, state } = writer
  if (store.deployments.supports.relink && (await sameEntries(writer, entries, counts))) {
    return { entries, version: state.bootVersion, relink: true }
  }
  // Stores and loaders without two numbered sets take no notice of it.
  const version: BootVersion = state.bootVersion === 0 ? 1 : 0
  const specs = await specsOf(writer, entries, version, counts)
  return { entries, version, relink: false, boot: await loader.plan(specs, version) }
}

/** Would entries for the new list say what those on disk say, but for what their links lead to? */
async function sameEntries(
  writer: Writer,
  entries: readonly HostEntry[],
  counts: BootCounts,
): Promise<boolean> {
  const { state } = writer
  const current = await specsOf(writer, entries, state.bootVersion, counts)
  const rootKargs = current.flatMap((spec) => spec.rootKargs)
  const face = (entry: HostEntry, title: string | undefined, count: BootCount | undefined): EntryFace => ({
    title: title ?? '',
    bootDigest: entry.deployment.bootDigest,
    version: entry.deployment.version,
    stateroot: entry.deployment.stateroot,
    kargs: withoutRootKargs(entry.kargs, rootKargs),
    extra: entry.extra.filter(([key]) => key.startsWith('x-')),
    count,
  })
  const before = state.order.map((entry) => face(entry, entry.entry?.title, entry.entry?.count))
  const after = entries.map((entry, index) => face(entry, current[index]?.title, counts.get(entry.id)))
  return !entriesDiffer(before, after)
}

/** Boot specs from the store, with keys of entries that other tools keep there. */
async function specsOf(
  { store, loader }: Writer,
  entries: readonly HostEntry[],
  version: BootVersion,
  counts: BootCounts,
): Promise<BootSpec[]> {
  const specs = await store.deployments.bootSpecs(
    entries.map(({ id, kargs }) => ({ id, kargs })),
    version,
  )
  return specs.map((spec, index) => {
    const own = spec.extra ?? []
    const kept = (entries[index]?.extra ?? []).filter(([key]) => !own.some(([name]) => name === key))
    const count = loader.supports.bootCounting ? counts.get(spec.id) : undefined
    return {
      ...spec,
      ...(kept.length > 0 ? { extra: [...own, ...kept] } : {}),
      ...(count === undefined ? {} : { count }),
    }
  })
}

/**
 * Refuse a plan that does not fit on its volumes; kernels that no entry needs are removed first.
 *
 * @throws BootcError `BOOT_NO_SPACE`
 */
export async function checkBootRoom(writer: Writer, plan: OrderPlan): Promise<void> {
  const { boot } = plan
  if (boot === undefined || !boot.changed) return
  if ((await missingRoom(writer, boot)) === undefined) return
  const active = await writer.loader.read()
  await writer.loader.prune(active.entries, writer.lock)
  const missing = await missingRoom(writer, boot)
  if (missing === undefined) return
  const { needBytes, freeBytes, volume } = missing
  throw new BootcError('BOOT_NO_SPACE', `${volume} volume needs ${needBytes} bytes, has ${freeBytes}`, {
    details: missing,
  })
}

async function missingRoom({ sysroot }: Writer, { bytesNeeded }: BootPlan) {
  const { boot, esps } = sysroot
  const volumes = [
    { volume: 'boot', needBytes: bytesNeeded.boot, dir: boot.dir },
    ...esps.map(({ dir }) => ({ volume: 'esp', needBytes: bytesNeeded.esp, dir })),
  ]
  for (const { volume, needBytes, dir } of volumes) {
    if (needBytes === 0) continue
    const { freeBytes } = await dir.space()
    if (needBytes > freeBytes) return { volume, needBytes, freeBytes }
  }
  return undefined
}

/**
 * Make a list the one that boots. Content is synced before the one visible step; an interruption before it
 * leaves the old list, after it the new one.
 */
export async function writeOrder(writer: Writer, plan: OrderPlan, options: OpOptions): Promise<void> {
  const { store, loader, sysroot, lock } = writer
  const ids: DeploymentId[] = plan.entries.map(({ id }) => id)
  await sysroot.root.sync()
  options.signal?.throwIfAborted()
  // Links of the current version are themselves the visible step; those of the other version wait for the loader.
  await store.deployments.activate(ids, plan.version, lock)
  if (plan.boot === undefined) return
  await loader.prepare(plan.boot, lock, options)
  await sysroot.root.sync()
  options.signal?.throwIfAborted()
  await loader.commit(plan.boot, lock)
}
