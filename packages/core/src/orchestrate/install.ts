import { BootcError } from '../errors.js'
import type { Deployment, Warning } from '../interfaces/index.js'
import { installKargs } from '../kargs/index.js'
import { assertWritable, lockOptions, lockStore, lockSysroot, type Context, type Writer } from './context.js'
import { newEntry } from './deploy.js'
import { addBootMount } from './fstab.js'
import { factsOfImage } from './image-facts.js'
import { kargsOfDeployment } from './image-kargs.js'
import { markFinished, markUnfinished, prepareTarget } from './install-target.js'
import { loadState } from './load.js'
import { discardUnfinished, pruneAfterwards } from './prune.js'
import { pullResolved, resolveChecked } from './pull-image.js'
import type { PullImageOptions, PullResult } from './pull-types.js'
import { orderWithNew } from './retention.js'
import { alreadyDeployed, twinOf } from './twin.js'
import type { InstallOptions, InstallResult } from './types.js'
import { checkBootRoom, planOrder, writeOrder } from './write-order.js'

/**
 * Put an image on a sysroot that has none of ours, or beside what is there (`install to-filesystem`): lay
 * out store and loader, import, deploy, and make it the default. No merge base: /etc starts as shipped.
 *
 * @throws BootcError `SYSROOT_NOT_EMPTY`, `DEPLOY_STATEROOT_BOOTED`, `DEPLOY_NO_STATEROOTS`, `DEPLOY_EXISTS` and
 *   what pulling and deploying throw
 */
export async function install(context: Context, options: InstallOptions): Promise<InstallResult> {
  const { sysroot } = context
  options.signal?.throwIfAborted()
  assertWritable(sysroot)
  const stateroot = options.stateroot ?? 'default'
  await using lock = await lockSysroot(context, options)
  const hasEntries = await assertNotBooted(context, stateroot)
  const resolved = await resolveChecked(pullOptions(context, options))
  const resumed = await prepareTarget(sysroot, options.replace ?? 'none', hasEntries)
  await markUnfinished(sysroot)
  const backends = await initBackends(context, options, lock)
  assertStateroot(backends, stateroot)
  await using _storeLock = await lockStore(context, backends, options)
  const state = await loadState(sysroot, backends)
  const writer: Writer = { ...backends, context, sysroot, lock, state }

  const pull = await pullResolved({
    ...pullOptions(context, options),
    store: backends.store.images,
    resolved,
  })
  options.signal?.throwIfAborted()
  try {
    const { deployment, kargs } = await deployFirst(writer, pull, { stateroot, resumed }, options)
    const loaderWarnings = await installLoader(writer, deployment, options)
    await markFinished(sysroot)
    const { warnings } = await pruneAfterwards(writer, options)
    return {
      deployment: deployment.id,
      stateroot,
      store: backends.store.name,
      bootloader: backends.loader.name,
      image: factsOfImage(pull.image, options.target ?? options.source),
      kargs,
      pull,
      warnings: [...(backends.store.warnings ?? []), ...pull.warnings, ...loaderWarnings, ...warnings],
    }
  } catch (error) {
    await discardUnfinished(writer)
    throw error
  }
}

/** @returns whether something of ours boots from here already */
async function assertNotBooted(context: Context, stateroot: string): Promise<boolean> {
  const backends = await context.backends.current()
  if (backends === undefined) return false
  const { booted, order } = await loadState(context.sysroot, backends)
  if (booted === undefined || booted.deployment.stateroot !== stateroot) return order.length > 0
  throw new BootcError('DEPLOY_STATEROOT_BOOTED', `Cannot redeploy over booted stateroot ${stateroot}`, {
    details: { stateroot },
  })
}

function assertStateroot({ store }: Pick<Writer, 'store'>, stateroot: string): void {
  if (store.deployments.supports.stateroots || stateroot === 'default') return
  throw new BootcError(
    'DEPLOY_NO_STATEROOTS',
    `store ${store.name} has one /var and no stateroot ${stateroot}`,
    {
      details: { store: store.name, stateroot },
    },
  )
}

async function initBackends(
  context: Context,
  options: InstallOptions,
  lock: Writer['lock'],
): Promise<Pick<Writer, 'store' | 'loader'>> {
  const { sysroot, backends } = context
  const storeProvider = await backends.storeProvider(options.store)
  const loaderProvider = await backends.loaderProvider(options.bootloader)
  const store = await storeProvider.init(sysroot, lock, options)
  const { entrySet } = store.deployments.supports
  const loader = await loaderProvider.init(sysroot, lock, {
    ...lockOptions(context, options),
    ...(entrySet === undefined ? {} : { entrySet }),
  })
  backends.forget()
  return { store, loader }
}

function pullOptions(context: Context, options: InstallOptions): Omit<PullImageOptions, 'store'> {
  const { source, target = source } = options
  const architecture = options.architecture ?? context.sysroot.host.arch
  return {
    transports: context.parts.transports,
    reference: source.image,
    target: target.image,
    source: source.signature,
    policy: context.policy,
    codec: context.codec,
    requireBootable: options.allowUnbootable === true ? undefined : { architecture },
    platform: { architecture, os: 'linux' },
    concurrency: context.parts.concurrency,
    signal: options.signal,
    onProgress: options.onProgress,
  }
}

/** The loader comes from the image, as its kernel does. */
async function installLoader(
  { store, loader, lock }: Writer,
  { id }: Deployment,
  options: InstallOptions,
): Promise<readonly Warning[]> {
  if (options.loader === false || loader.install === undefined) return []
  const tree = await store.deployments.root(id)
  const { signal, onProgress } = options
  return loader.install(lock, { ...options.loader, tree, signal, onProgress })
}

async function deployFirst(
  writer: Writer,
  pull: PullResult,
  { stateroot, resumed }: { readonly stateroot: string; readonly resumed: boolean },
  options: InstallOptions,
): Promise<{ deployment: Deployment; kargs: readonly string[] }> {
  const { store, sysroot, lock, state } = writer
  const { deployments } = store
  const origin = options.target ?? options.source
  const twin = await twinOf(writer, pull.image, options)
  if (twin !== undefined && !resumed) throw alreadyDeployed(twin, state)
  // An installation that was cut off after its last step had made everything.
  const deployment =
    twin?.deployment ?? (await deployments.create(pull.image, { origin, stateroot }, lock, options))
  const arch = options.architecture ?? sysroot.host.arch
  const bootSpec = options.bootMountSpec === undefined ? [] : [`boot=${options.bootMountSpec}`]
  const kargs = installKargs({
    root: [...(options.kargs?.root ?? []), ...bootSpec],
    config: options.kargs?.config ?? [],
    image: await kargsOfDeployment(deployments, deployment.id, arch),
    deletions: options.kargs?.delete ?? [],
    cli: options.kargs?.extra ?? [],
  })
  const etc = await deployments.etc(deployment.id, lock)
  if (options.bootMountSpec !== undefined) await addBootMount(etc, options.bootMountSpec)
  await deployments.seal(deployment.id, lock)

  const plan = await planOrder(writer, orderWithNew(newEntry(deployment, { kargs, extra: [] }), state, undefined))
  await checkBootRoom(writer, plan)
  await writeOrder(writer, plan, options)
  const after = await loadState(sysroot, writer)
  return { deployment, kargs: after.defaultEntry?.kargs ?? kargs }
}
