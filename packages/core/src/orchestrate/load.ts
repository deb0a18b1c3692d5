import type {
  BootEntry,
  BootVersion,
  Deployment,
  DeploymentId,
  StoreBackend,
  Sysroot,
} from '../interfaces/index.js'
import { runningLoader } from '../boot-kit/running-loader.js'
import { kargsOfProcCmdline } from '../kargs/index.js'
import type { Backends } from './backends.js'
import type { HostEntry, HostState } from './host-state.js'
import { assignSlots } from './slots.js'
import { softRebootChecker } from './soft-reboot.js'
import { stagedKeys } from './staged-keys.js'
import { kargsOf } from './swap.js'
import { isEmpty, readHealing } from './trial-file.js'

/** The state of a sysroot that nothing is laid out on. */
export function emptyState(sysroot: Sysroot): HostState {
  return {
    live: sysroot.live,
    readOnly: sysroot.readOnly,
    bootVersion: 0,
    order: [],
    others: [],
    rollbackQueued: false,
    unlocked: 'none',
    orphans: [],
  }
}

/**
 * Read what is there, without locks and without writes. Boot entries are the truth about existence and
 * order; the store is content. Entries that no deployment answers to are left out, deployments without an
 * entry are told apart as orphans.
 */
export async function loadState(sysroot: Sysroot, backends: Backends): Promise<HostState> {
  const { store, loader } = backends
  const found = await readStable(backends)
  const staged = await store.deployments.staged()
  const bootedId = await findBooted(sysroot, store)
  const booted = bootedId === undefined ? undefined : found.onDisk.get(bootedId)
  const cmdline = booted === undefined ? [] : kargsOfProcCmdline(await sysroot.host.cmdline())
  const bootedEntry = found.pairs.find(({ deployment }) => deployment.id === bootedId)?.entry
  const capable = softRebootChecker(
    store.deployments,
    booted,
    bootedEntry === undefined ? cmdline : kargsOf(bootedEntry.options),
  )

  const order: HostEntry[] = []
  for (const [index, { entry, deployment }] of found.pairs.entries()) {
    order.push(await hostEntry(deployment, kargsOf(entry.options), capable, { index, entry }))
  }
  const stagedDeployment = staged === undefined ? undefined : found.onDisk.get(staged.id)
  const stagedEntry =
    staged === undefined || stagedDeployment === undefined
      ? undefined
      : await hostEntry(stagedDeployment, staged.kargs, capable, {
          ...{ staged: true, locked: staged.locked },
          extra: stagedKeys(staged, order),
        })
  // The running deployment may have lost its boot entry; it is still what runs.
  const running =
    booted === undefined
      ? undefined
      : (order.find(({ id }) => id === booted.id) ?? (await hostEntry(booted, cmdline, capable, {})))
  const healing = await readHealing(sysroot)
  const softRebootTarget = sysroot.live ? await store.deployments.softReboot?.target() : undefined
  const loaderRun = sysroot.live ? await runningLoader(sysroot.host) : undefined
  const named = new Set([...order, running, stagedEntry].map((entry) => entry?.id))
  return {
    live: sysroot.live,
    readOnly: sysroot.readOnly,
    store: store.name,
    bootloader: loader.name,
    ...(loaderRun === undefined ? {} : { runningLoader: loaderRun }),
    bootVersion: found.version,
    order,
    ...(order[0] === undefined ? {} : { defaultEntry: order[0] }),
    ...(running === undefined ? {} : { booted: running }),
    ...assignSlots(order, running, stagedEntry),
    ...(staged === undefined ? {} : { stagedRecord: staged }),
    unlocked: running?.deployment.unlocked ?? 'none',
    ...(softRebootTarget === undefined ? {} : { softRebootTarget }),
    orphans: [...found.onDisk.values()].filter(({ id }) => !named.has(id)),
    ...(isEmpty(healing) && healing.problem === undefined ? {} : { healing }),
  }
}

interface Found {
  readonly version: BootVersion
  readonly pairs: readonly { readonly entry: BootEntry; readonly deployment: Deployment }[]
  readonly onDisk: ReadonlyMap<DeploymentId, Deployment>
}

/** Entries lead to deployments by links that a writer may replace meanwhile: read again when one led nowhere. */
async function readStable({ store, loader }: Backends): Promise<Found> {
  for (let attempt = 1; ; attempt++) {
    const boot = await loader.read()
    const pairs: { entry: BootEntry; deployment: Deployment }[] = []
    const onDisk = new Map<DeploymentId, Deployment>()
    for await (const deployment of store.deployments.list()) onDisk.set(deployment.id, deployment)
    for (const entry of boot.entries) {
      const id = await store.deployments.identify(entry.options)
      const deployment = id === undefined ? undefined : onDisk.get(id)
      if (deployment !== undefined) pairs.push({ entry, deployment })
    }
    const version = activeVersion(boot.version, boot.entries, store)
    if (pairs.length === boot.entries.length || attempt === 3) return { version, pairs, onDisk }
  }
}

/** The version of the active set; a loader without a word on it leaves it to the default entry's command line. */
function activeVersion(
  version: BootVersion | undefined,
  entries: readonly BootEntry[],
  { deployments }: StoreBackend,
): BootVersion {
  if (version !== undefined) return version
  const first = entries[0]
  return (first === undefined ? undefined : deployments.bootVersion?.(first.options)) ?? 0
}

async function findBooted(
  sysroot: Sysroot,
  { deployments }: StoreBackend,
): Promise<DeploymentId | undefined> {
  if (!sysroot.live) return undefined
  // Links that the kernel command line went through may be gone after a later switch: ask the store first.
  return (await deployments.running?.()) ?? (await deployments.identify(await sysroot.host.cmdline()))
}

async function hostEntry(
  deployment: Deployment,
  kargs: readonly string[],
  obstacle: ReturnType<typeof softRebootChecker>,
  role: {
    index?: number
    entry?: BootEntry
    staged?: boolean
    locked?: boolean
    extra?: HostEntry['extra']
  },
): Promise<HostEntry> {
  const softRebootObstacle = await obstacle(deployment, kargs)
  return {
    id: deployment.id,
    deployment,
    kargs,
    extra: role.entry?.extra ?? [],
    staged: false,
    locked: false,
    ...role,
    softRebootCapable: softRebootObstacle === undefined,
    ...(softRebootObstacle === undefined ? {} : { softRebootObstacle }),
  }
}
