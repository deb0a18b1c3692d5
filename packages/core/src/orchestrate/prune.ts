import { BootcError } from '../errors.js'
import type { DeploymentId, Digest, OpOptions, PruneResult, Warning } from '../interfaces/index.js'
import { pruneBoundImages } from './bound-images.js'
import { withWriter, type Context, type Writer } from './context.js'
import { loadState } from './load.js'
import type { HostState } from './host-state.js'
import { cleanHealing } from './trial-file.js'

/** Remove what nothing needs any more (`bootc internals cleanup`). */
export function pruneSysroot(context: Context, options: OpOptions): Promise<PruneResult> {
  return withWriter(context, options, (writer) => pruneAll(writer, options))
}

/**
 * Keep what is ordered, booted, staged or pinned; remove, in this order, boot files, deployments, images
 * and objects of the rest, and container images that only those were bound to. Everything removed was invisible to the next boot already.
 *
 * @throws BootcError `DEPLOY_BOOTED_UNKNOWN` when the running deployment cannot be told
 */
async function pruneAll(
  writer: Writer,
  options: PruneOptions,
  warnings: Warning[] = [],
): Promise<PruneResult> {
  const { store, loader, sysroot, lock } = writer
  const state = await loadState(sysroot, writer)
  await assertBootedKnown(writer, state)
  options.signal?.throwIfAborted()

  const boot = await loader.read()
  const staged = state.stagedRecord?.id
  await loader.prune(staged === undefined ? boot.entries : [...boot.entries, ...boot.prepared], lock)

  const order = keptDeployments(state)
  await store.deployments.prune(
    { order, ...(staged === undefined ? {} : { staged }), version: state.bootVersion },
    lock,
  )
  options.signal?.throwIfAborted()
  await cleanHealing(lock)
  if (options.images === false) return { images: 0, layers: 0, objects: 0, bytes: 0 }
  const pruned = await store.images.prune(keptImages(state), options)
  const kept = staged === undefined ? order : [...order, staged]
  const roots = kept.map((id) => () => store.deployments.root(id))
  warnings.push(...(await pruneBoundImages(writer.context, roots, options)))
  options.onProgress?.({ type: 'prune:done', detail: pruned })
  return pruned
}

export interface PruneOptions extends OpOptions {
  /** False where no deployment went: then nothing in the store became useless, and finding that out takes long. */
  readonly images?: boolean
}

/** After the visible step a failed or aborted clean-up is no failure of the operation: the next one does it. */
export async function pruneAfterwards(
  writer: Writer,
  options: PruneOptions,
): Promise<{ pruned?: PruneResult; warnings: Warning[] }> {
  try {
    const warnings: Warning[] = []
    return { pruned: await pruneAll(writer, options, warnings), warnings }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { warnings: [{ code: 'prune:failed', message: `clean-up did not finish: ${message}` }] }
  }
}

/**
 * Take away what an operation made before it failed. Never throws: the failure is what the caller has to
 * see, and the next clean-up finds the rest.
 */
export async function discardUnfinished(writer: Writer): Promise<void> {
  const { store, loader, sysroot, lock } = writer
  try {
    const state = await loadState(sysroot, writer)
    await assertBootedKnown(writer, state)
    const boot = await loader.read()
    const staged = state.stagedRecord?.id
    await loader.prune(staged === undefined ? boot.entries : [...boot.entries, ...boot.prepared], lock)
    const keep = { order: keptDeployments(state), version: state.bootVersion }
    await store.deployments.prune(staged === undefined ? keep : { ...keep, staged }, lock)
  } catch (error) {
    writer.context.log.info('clean-up after a failure did not finish', { error: String(error) })
  }
}

/** A pinned deployment without an entry, and a running one whose entry is gone, are kept behind the others. */
function keptDeployments(state: HostState): DeploymentId[] {
  const pinned = state.orphans.filter((deployment) => deployment.pinned)
  const booted = state.booted === undefined ? [] : [state.booted]
  return [...new Set([...state.order, ...booted, ...pinned].map(({ id }) => id))]
}

function keptImages(state: HostState): ReadonlySet<Digest> {
  const staged = [state.staged, ...state.others.filter((entry) => entry.staged)]
  const deployments = [
    ...[...state.order, state.booted, ...staged].map((entry) => entry?.deployment),
    ...state.orphans.filter((deployment) => deployment.pinned),
  ]
  return new Set(deployments.flatMap((deployment) => deployment?.image?.manifestDigest ?? []))
}

/** A root of a store that is running, and is not among its deployments, must not be taken for a left-over. */
async function assertBootedKnown({ store, sysroot }: Writer, state: HostState): Promise<void> {
  if (!state.live || state.booted !== undefined) return
  const { deployments } = store
  const cmdline = await sysroot.host.cmdline()
  const isOurs =
    deployments.bootVersion?.(cmdline) !== undefined ||
    (await deployments.running?.()) !== undefined ||
    (await deployments.identify(cmdline)) !== undefined
  if (!isOurs) return
  throw new BootcError(
    'DEPLOY_BOOTED_UNKNOWN',
    'the running deployment was not found, so nothing is removed',
    {
      details: { cmdline },
    },
  )
}
