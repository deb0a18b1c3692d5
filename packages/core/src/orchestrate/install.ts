import { BootcError } from '../errors.js'
import { installConfigDirectories, readInstallConfig } from '../install-config/index.js'
import type { LoadedInstallConfig } from '../install-config/index.js'
import type { Deployment, ReadTree, Warning } from '../interfaces/index.js'
import { readImageKargs } from '../kargs/index.js'
import { assertWritable, lockOptions, lockSysroot, type Context, type Writer } from './context.js'
import { newEntry } from './deploy.js'
import { provideBoundImages } from './bound-images.js'
import { addBootMount } from './fstab.js'
import { factsOfImage } from './image-facts.js'
import { assertBoots, inspectBoot, type ImageBoot } from './image-boot.js'
import { fillStore, pullOptions, type FilledStore } from './install-fill.js'
import { chooseLoader, shippedLoaders, type LoaderChoice } from './install-loader.js'
import { checkLabels, labelPhysicalRoot } from './install-labels.js'
import { writeRecords } from './install-records.js'
import { settleInstall, staterootOf, type InstallSettings } from './install-settings.js'
import { emptyBoot, markFinished, markUnfinished, prepareTarget } from './install-target.js'
import type { InstallOptions, InstallResult } from './install-types.js'
import { loadState } from './load.js'
import { discardUnfinished, pruneAfterwards } from './prune.js'
import { resolveChecked } from './pull-image.js'
import type { PullResult } from './pull-types.js'
import { resolveImage } from './resolve-image.js'
import { orderWithNew } from './retention.js'
import { addRootSshKeys } from './root-ssh-keys.js'
import { alreadyDeployed, twinOf } from './twin.js'
import { checkBootRoom, planOrder, writeOrder } from './write-order.js'

/**
 * Put an image on a sysroot that has none of ours, or beside what is there (`install to-filesystem`): lay
 * out the store, import, look at the image and its configuration, lay out the loader, deploy, and make it the
 * default. No merge base: /etc starts as shipped. What boots now stays until the image has been looked at.
 *
 * @throws BootcError `SYSROOT_NOT_EMPTY`, `DEPLOY_STATEROOT_BOOTED`, `DEPLOY_NO_STATEROOTS`, `DEPLOY_EXISTS`,
 *   `HOST_SELINUX_LABELS`, `IMAGE_KERNEL`, `IMAGE_INSTALL_CONFIG`, `BOOT_UKI_KARGS`, `BOOT_LOADER_UNSUPPORTED` and what pulling and deploying
 *   throw
 */
export async function install(context: Context, options: InstallOptions): Promise<InstallResult> {
  const { sysroot } = context
  options.signal?.throwIfAborted()
  assertWritable(sysroot)
  await using lock = await lockSysroot(context, options)
  const inUse = await entriesInUse(context, options.stateroot)
  const resolved = await resolveChecked(pullOptions(context, options))
  if (options.fetchCheck === true) await checkTarget(context, options)
  const replace = options.replace ?? 'none'
  const resumed = await prepareTarget(sysroot, replace)
  await markUnfinished(sysroot)
  const labels = await checkLabels(sysroot, options)
  const made = { lock, resolved, inUse: inUse !== undefined }
  await using filled = await fillStore(context, options, made).catch(labels.explain)
  const { store, pull } = filled

  const image = await lookAt(context, filled, options)
  await labels.assertFor(image.tree)
  const stateroot = staterootOf(options, image.config.config)
  await entriesInUse(context, stateroot)
  assertStateroot(store, stateroot)
  const choice = chooseLoader({
    asked: options.bootloader,
    configured: image.config.config?.bootloader,
    inUse,
    providers: context.parts.bootloaders.map(({ name }) => name),
    shipped: await shippedLoaders(image.tree),
    uki: image.boot.ukis.length > 0,
    volumes: sysroot,
  })
  const settings = settleInstall(options, image.config.config, {
    image: image.kargs,
    uki: filled.bootsUki && image.boot.ukis.length > 0,
    loader: choice,
  })
  const boundImages = await provideBound(context, filled, image.tree, options, lock)
  // Kernels of deployments that stay in the list must not be missing for a moment.
  if (replace === 'alongside' && inUse === undefined) await emptyBoot(sysroot.boot)
  const loader = await initLoader(context, store, choice, options, lock)
  const configured = await configureStore(store, image.config, lock)
  const state = await loadState(sysroot, { store, loader })
  const writer: Writer = { store, loader, context, sysroot, lock, state }
  try {
    const deployed = await deployFirst(writer, pull, { settings, resumed }, options)
    const { deployment } = deployed
    const loaderWarnings = choice.program
      ? await installLoader(writer, deployment, image.config, options)
      : []
    await writeRecords(context, pull.image, image.tree, options)
    const labelled = await labelPhysicalRoot(sysroot, image.tree, options)
    await markFinished(sysroot)
    const { warnings } = await pruneAfterwards(writer, options)
    return {
      deployment: deployment.id,
      ...(deployment.path === undefined ? {} : { path: deployment.path }),
      stateroot,
      store: store.name,
      bootloader: loader.name,
      bootloaderInstalled: choice.program && options.loader !== false,
      bootloaderReason: choice.reason,
      image: factsOfImage(pull.image, settings.origin),
      kargs: deployed.kargs,
      entries: deployed.entries,
      ...(image.config.config === undefined ? {} : { config: image.config.config }),
      configFiles: image.config.files,
      ...(boundImages === undefined ? {} : { boundImages }),
      pull,
      warnings: [
        ...(store.warnings ?? []),
        ...filled.warnings,
        ...pull.warnings,
        ...image.config.warnings,
        ...configured,
        ...settings.warnings,
        ...loaderWarnings,
        ...labelled,
        ...warnings,
      ],
    }
  } catch (error) {
    await discardUnfinished(writer)
    throw error
  }
}

/**
 * The loader of what boots from here already, if anything does.
 *
 * @throws BootcError `DEPLOY_STATEROOT_BOOTED`
 */
async function entriesInUse(context: Context, stateroot = 'default'): Promise<string | undefined> {
  const backends = await context.backends.current()
  if (backends === undefined) return undefined
  const { booted, order } = await loadState(context.sysroot, backends)
  if (booted?.deployment.stateroot === stateroot) {
    throw new BootcError('DEPLOY_STATEROOT_BOOTED', `Cannot redeploy over booted stateroot ${stateroot}`, {
      details: { stateroot },
    })
  }
  return order.length > 0 ? backends.loader.name : undefined
}

/** As when it is updated later: without the policy, which the updates themselves ask. */
async function checkTarget(context: Context, options: InstallOptions): Promise<void> {
  const { signal, architecture = context.sysroot.host.arch } = options
  const { image } = options.target ?? options.source
  await resolveImage(context.parts.transports, image, { signal, platform: { architecture, os: 'linux' } })
}

function assertStateroot({ name, deployments }: Writer['store'], stateroot: string): void {
  if (deployments.supports.stateroots || stateroot === 'default') return
  throw new BootcError('DEPLOY_NO_STATEROOTS', `store ${name} has one /var and no stateroot ${stateroot}`, {
    details: { store: name, stateroot },
  })
}

interface LookedAt {
  readonly tree: ReadTree
  readonly boot: ImageBoot
  readonly config: LoadedInstallConfig
  /** Of its kargs.d. */
  readonly kargs: readonly string[]
}

/** What the image brings that decides about the installation; refuses what cannot boot. */
async function lookAt(
  context: Context,
  { store, pull }: FilledStore,
  options: InstallOptions,
): Promise<LookedAt> {
  const tree = await store.images.open(pull.image)
  const arch = options.architecture ?? context.sysroot.host.arch
  const boot = await inspectBoot(tree)
  assertBoots(boot)
  const { config = [] } = options
  const directories = config === false ? [] : [...(await installConfigDirectories(tree)), ...config]
  return {
    tree,
    boot,
    config: await readInstallConfig(directories, arch),
    kargs: await readImageKargs(tree, arch),
  }
}

async function provideBound(
  context: Context,
  { store }: FilledStore,
  tree: ReadTree,
  { boundImages: mode = 'stored', architecture, ...options }: InstallOptions,
  lock: Writer['lock'],
): Promise<InstallResult['boundImages']> {
  if (mode === 'skip') return undefined
  return provideBoundImages({ context, store, lock }, tree, { mode, architecture }, options)
}

async function initLoader(
  context: Context,
  store: Writer['store'],
  { provider }: LoaderChoice,
  options: InstallOptions,
  lock: Writer['lock'],
): Promise<Writer['loader']> {
  const chosen = await context.backends.loaderProvider(provider)
  const { entrySet } = store.deployments.supports
  const loader = await chosen.init(context.sysroot, lock, {
    ...lockOptions(context, options),
    ...(entrySet === undefined ? {} : { entrySet }),
  })
  context.backends.forget()
  return loader
}

async function configureStore(
  store: Writer['store'],
  { config }: LoadedInstallConfig,
  lock: Writer['lock'],
): Promise<readonly Warning[]> {
  const blsAppendExceptDefault = config?.ostree?.blsAppendExceptDefault
  if (blsAppendExceptDefault === undefined) return []
  if (store.configure !== undefined) {
    await store.configure({ blsAppendExceptDefault }, lock)
    return []
  }
  const message = `bls-append-except-default has no effect in the store ${store.name}`
  return [
    { code: 'install:config-ignored', message, details: { key: 'install.ostree.bls-append-except-default' } },
  ]
}

/** The loader comes from the image, as its kernel does. */
async function installLoader(
  { store, loader, lock }: Writer,
  { id }: Deployment,
  { config }: LoadedInstallConfig,
  options: InstallOptions,
): Promise<readonly Warning[]> {
  if (options.loader === false || loader.install === undefined) return []
  const tree = await store.deployments.root(id)
  const { signal, onProgress } = options
  const skipBootUuid = options.loader?.skipBootUuid ?? config?.bootupd?.skipBootUuid
  return loader.install(lock, {
    ...options.loader,
    ...(skipBootUuid === undefined ? {} : { skipBootUuid }),
    tree,
    signal,
    onProgress,
  })
}

interface FirstDeployment {
  readonly deployment: Deployment
  readonly kargs: readonly string[]
  readonly entries: InstallResult['entries']
}

async function deployFirst(
  writer: Writer,
  pull: PullResult,
  { settings, resumed }: { readonly settings: InstallSettings; readonly resumed: boolean },
  options: InstallOptions,
): Promise<FirstDeployment> {
  const { store, loader, sysroot, lock, state } = writer
  const { deployments } = store
  const { origin, stateroot, kargs, bootMount } = settings
  const twin = await twinOf(writer, pull.image, options)
  if (twin !== undefined && !resumed) throw alreadyDeployed(twin, state)
  const { ukiAddons } = options
  const init = { origin, stateroot, ...(ukiAddons === undefined ? {} : { ukiAddons }) }
  // An installation that was cut off after its last step had made everything.
  const deployment = twin?.deployment ?? (await deployments.create(pull.image, init, lock, options))
  const etc = await deployments.etc(deployment.id, lock)
  if (bootMount !== undefined) await addBootMount(etc, bootMount)
  if (options.rootSshAuthorizedKeys !== undefined) {
    await addRootSshKeys(await deployments.root(deployment.id), etc, options.rootSshAuthorizedKeys)
  }
  await deployments.seal(deployment.id, lock)

  const entry = newEntry(deployment, { kargs, extra: [] })
  const plan = await planOrder(writer, orderWithNew(entry, state, undefined))
  await checkBootRoom(writer, plan)
  await writeOrder(writer, plan, options)
  const after = await loadState(sysroot, writer)
  const { entries } = await loader.read()
  return {
    deployment,
    kargs: after.defaultEntry?.kargs ?? kargs,
    entries: entries.map(({ fileName, title }) => ({ fileName, title })),
  }
}
