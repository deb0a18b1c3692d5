import { powerCutSuite } from '@bootc-sdk/conformance'
import type { Bootloader, DeploymentStore, Dir, Provider, StoreBackend, Sysroot } from '@bootc-sdk/core'
import { memoryBackend, memoryBootloader } from '@bootc-sdk/core/testing'
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
    deployments: { ...backend.deployments, ...change(backend.deployments, sysroot) },
  })

/** A sysroot whose syncs do nothing, for the part under test only. */
function withoutSync(sysroot: Sysroot): Sysroot {
  const lazy = (dir: Dir): Dir => ({ ...dir, sync: async () => {}, sub: (path) => lazy(dir.sub(path)) })
  return { ...sysroot, root: lazy(sysroot.root), boot: { ...sysroot.boot, dir: lazy(sysroot.boot.dir) } }
}

function blind<T>(provider: Provider<T>): Provider<T> {
  return {
    ...provider,
    open: (sysroot, options) => provider.open(withoutSync(sysroot), options),
    init: (sysroot, lock, options) => provider.init(withoutSync(sysroot), lock, options),
  }
}

const store = () => memoryBackend()
const relinking = () => memoryBackend({ relink: true })
const bootloader = () => memoryBootloader()

const mutants: Record<
  string,
  { store: () => Provider<StoreBackend>; bootloader: () => Provider<Bootloader>; operation: string }
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
}

for (const [name, { operation, ...pair }] of Object.entries(mutants)) {
  test(`found: ${name}`, async () => {
    const tests = new Map<string, () => Promise<void>>()
    powerCutSuite({ test: (title, run) => tests.set(title, run), name, ...pair })
    const run = tests.get(`${operation}: whatever a cut leaves boots, and upgrades again`)
    await expect(run!()).rejects.toThrow()
  })
}
