import { powerCutSuite } from '@bootc-sdk/conformance'
import type { Bootloader, DeploymentStore, Dir, Provider, StoreBackend, Sysroot } from '@bootc-sdk/core'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { composefsRoots } from '@bootc-sdk/composefs-backend/testing'
import { memoryBackend, memoryBootloader, type RootFollower } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'

// A suite is worth something when it finds what is wrong: stores and loaders with one mistake each.

type Mutation<T> = (sysroot: Sysroot, whole: T) => T

function mutated<T>(provider: Provider<T>, mutate: Mutation<T>): Provider<T> {
  return {
    ...provider,
    open: async (sysroot, options) => mutate(sysroot, await provider.open(sysroot, options)),
    init: async (sysroot, lock, options) => mutate(sysroot, await provider.init(sysroot, lock, options)),
  }
}

const withDeployments =
  (change: (store: DeploymentStore, sysroot: Sysroot) => Partial<DeploymentStore>) =>
  (sysroot: Sysroot, backend: StoreBackend): StoreBackend => ({
    ...backend,
    deployments: withMethods(backend.deployments, change(backend.deployments, sysroot)),
  })

/** Stores may be of a class, whose methods a copy would lose. */
function withMethods<T extends object>(whole: T, methods: Partial<T>): T {
  return new Proxy({} as T, {
    get(_, key) {
      const owner = key in methods ? methods : whole
      const value: unknown = Reflect.get(owner, key)
      return typeof value === 'function' ? (value.bind(owner) as unknown) : value
    },
  })
}

/** A sysroot whose syncs do nothing, for the part under test only. */
function withoutSync(sysroot: Sysroot): Sysroot {
  const lazy = (dir: Dir): Dir => ({ ...dir, sync: async () => {}, sub: (path) => lazy(dir.sub(path)) })
  return { ...sysroot, root: lazy(sysroot.root), boot: { ...sysroot.boot, dir: lazy(sysroot.boot.dir) } }
}

function blind<T>(provider: Provider<T>): Provider<T> {
  return onOther(provider, withoutSync)
}

/** A part that sees another sysroot than the rest. */
function onOther<T>(provider: Provider<T>, change: (sysroot: Sysroot) => Sysroot): Provider<T> {
  return {
    ...provider,
    open: (sysroot, options) => provider.open(change(sysroot), options),
    init: (sysroot, lock, options) => provider.init(change(sysroot), lock, options),
  }
}

/** A sysroot where an exchange takes three renames. */
function withSlowExchange(sysroot: Sysroot): Sysroot {
  const slow = (dir: Dir): Dir => ({
    ...dir,
    sub: (path) => slow(dir.sub(path)),
    async rename(from, to, options = {}) {
      if (options.exchange !== true) return dir.rename(from, to, options)
      for (const [a, b] of [
        [to, `${to}.old`],
        [from, to],
        [`${to}.old`, from],
      ] as const) {
        await dir.rename(a, b)
        await dir.sync()
      }
    },
  })
  return { ...sysroot, boot: { ...sysroot.boot, dir: slow(sysroot.boot.dir) } }
}

const store = () => memoryBackend()
const relinking = () => memoryBackend({ relink: true })
const bootloader = () => memoryBootloader()

const composefs = { store: () => composefsBackend(), roots: [composefsRoots] }
const grub = () => grubBootloader()

const mutants: Record<
  string,
  {
    store: () => Provider<StoreBackend>
    bootloader: () => Provider<Bootloader>
    roots?: readonly RootFollower[]
    boot?: 'volume'
    operation: string
  }
> = {
  'a loader that switches before what it switches to is on disk': {
    store,
    bootloader: () => blind(bootloader()),
    operation: 'finalize with a new kernel',
  },
  'a store that files images before their content is on disk': {
    store: () => blind(store()),
    bootloader,
    operation: 'upgrade',
  },
  'a loader that shows entries while it prepares them': {
    store,
    bootloader: () =>
      mutated(bootloader(), (_, loader) => ({
        ...loader,
        async prepare(plan, lock, options) {
          await loader.prepare(plan, lock, options)
          await loader.commit(plan, lock)
        },
      })),
    operation: 'upgrade',
  },
  'a store whose links appear only after the switch': {
    store: () => {
      let late: (() => Promise<void>) | undefined
      return mutated(
        relinking(),
        withDeployments((deployments) => ({
          activate: async (...args) => {
            late = () => deployments.activate(...args)
          },
          async prune(...args) {
            await late?.()
            await deployments.prune(...args)
          },
        })),
      )
    },
    bootloader,
    operation: 'finalize with a new kernel',
  },
  'a store that prunes what still boots': {
    store: () =>
      mutated(
        store(),
        withDeployments((deployments) => ({
          prune: (keep, lock) => deployments.prune({ ...keep, order: keep.order.slice(0, 1) }, lock),
        })),
      ),
    bootloader,
    operation: 'finalize',
  },
  'sets of entries that are exchanged one after the other': {
    ...composefs,
    bootloader: () => onOther(grub(), withSlowExchange),
    operation: 'finalize with a new kernel',
  },
  'sets of entries that are exchanged before they are on disk': {
    ...composefs,
    // On one volume with the root, core's own syncs would hide it.
    boot: 'volume',
    bootloader: () => blind(grub()),
    operation: 'finalize with a new kernel',
  },
  'a composefs store that links images before their objects are on disk': {
    ...composefs,
    store: () => blind(composefsBackend()),
    bootloader: grub,
    operation: 'upgrade',
  },
  'a composefs store that seeds /etc of what boots': {
    ...composefs,
    store: () =>
      mutated(
        composefsBackend(),
        withDeployments((deployments) => ({
          resetEtc: async (id, lock) => {
            const running = await deployments.running?.()
            if (running !== undefined) await deployments.resetEtc(running, lock)
            return deployments.resetEtc(id, lock)
          },
        })),
      ),
    bootloader: grub,
    operation: 'finalize',
  },
}

for (const [name, { operation, ...pair }] of Object.entries(mutants)) {
  test(`found: ${name}`, async () => {
    const tests = new Map<string, () => Promise<void>>()
    powerCutSuite({ test: (title, run) => tests.set(title, run), name, ...pair })
    const run = tests.get(`${operation}: whatever a cut leaves boots, and upgrades again`)
    // Not for a mistake in the mutant itself.
    await expect(run!()).rejects.toThrow(
      /, cut before write \d+|versions that booted after cuts|leads nowhere/,
    )
  })
}
