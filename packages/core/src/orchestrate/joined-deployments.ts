import type {
  BootSpec,
  Deployment,
  DeploymentId,
  DeploymentStore,
  StoreBackend,
  Sysroot,
} from '../interfaces/index.js'
import { readForeignMerge, writeForeignMerge } from './foreign-merge.js'

/** Deployments of several stores as one list; each stays with the store that made it. */
export function joinDeployments(
  { run }: Pick<Sysroot, 'run'>,
  primary: DeploymentStore,
  all: readonly StoreBackend[],
): DeploymentStore {
  const owners = new Map<DeploymentId, DeploymentStore>()

  async function* list(): AsyncIterable<Deployment> {
    for (const { deployments } of all) {
      for await (const deployment of deployments.list()) {
        owners.set(deployment.id, deployments)
        yield deployment
      }
    }
  }
  const ownerOf = async (id: DeploymentId): Promise<DeploymentStore> => {
    const known = owners.get(id)
    if (known !== undefined) return known
    for await (const _ of list());
    return owners.get(id) ?? primary
  }
  const first = async <T>(
    ask: (store: DeploymentStore) => Promise<T | undefined>,
  ): Promise<T | undefined> => {
    for (const { deployments } of all) {
      const answer = await ask(deployments)
      if (answer !== undefined) return answer
    }
    return undefined
  }
  /** Part of an order that each store has, with the place of each in the whole. */
  const split = async <T>(items: readonly T[], idOf: (item: T) => DeploymentId) => {
    const parts = new Map<DeploymentStore, { item: T; place: number }[]>(
      all.map(({ deployments }) => [deployments, []]),
    )
    for (const [place, item] of items.entries()) parts.get(await ownerOf(idOf(item)))!.push({ item, place })
    return parts
  }
  return {
    // The same entries with other links would take all stores to change links at once.
    supports: { ...primary.supports, relink: false, softReboot: false },
    rootKargKeys: all.flatMap(({ deployments }) => deployments.rootKargKeys ?? []),
    list,
    identify: (cmdline) => first((store) => store.identify(cmdline)),
    bootVersion(cmdline) {
      for (const { deployments } of all) {
        const version = deployments.bootVersion?.(cmdline)
        if (version !== undefined) return version
      }
      return undefined
    },
    running: () => first(async (store) => store.running?.()),
    ...(primary.idOf === undefined
      ? {}
      : { idOf: (image, lock, options) => primary.idOf!(image, lock, options) }),
    async create(image, init, lock, options) {
      const deployment = await primary.create(image, init, lock, options)
      owners.set(deployment.id, primary)
      return deployment
    },
    varDir: async (id) => (await ownerOf(id)).varDir?.(id),
    root: async (id) => (await ownerOf(id)).root(id),
    staged: async () => readForeignMerge(run, await first((store) => store.staged())),
    async setStaged(record, lock) {
      const owner = record === undefined ? undefined : await ownerOf(record.id)
      if (record !== undefined && owner !== undefined) {
        const { mergeFrom, ...own } = record
        const foreign = mergeFrom !== undefined && (await ownerOf(mergeFrom)) !== owner
        await writeForeignMerge(run, foreign ? record : undefined)
        await owner.setStaged(foreign ? own : record, lock)
      } else await writeForeignMerge(run, undefined)
      for (const { deployments } of all) {
        if (deployments !== owner && (await deployments.staged()) !== undefined) {
          await deployments.setStaged(undefined, lock)
        }
      }
    },
    async armFinalize(lock) {
      const staged = await primary.staged()
      if (staged !== undefined && staged.mergeFrom !== undefined)
        return (await primary.armFinalize?.(lock)) ?? []
      // The unit of the store's own tools would take /etc from nowhere.
      const message =
        'run `bootc-sdk finalize-staged` before the reboot: the new store has no unit for it here'
      return [{ code: 'deploy:finalize-by-hand', message }]
    },
    defaults: async (id) => (await ownerOf(id)).defaults(id),
    currentEtc: async (id) => (await ownerOf(id)).currentEtc(id),
    etc: async (id, lock) => (await ownerOf(id)).etc(id, lock),
    resetEtc: async (id, lock) => (await ownerOf(id)).resetEtc(id, lock),
    seal: async (id, lock) => (await ownerOf(id)).seal(id, lock),
    async bootSpecs(order, version) {
      const specs: BootSpec[] = []
      for (const [store, part] of await split(order, ({ id }) => id)) {
        if (part.length === 0) continue
        const foreign = all.flatMap(({ deployments }) =>
          deployments === store ? [] : (deployments.rootKargKeys ?? []),
        )
        const made = await store.bootSpecs(
          part.map(({ item }) => ({
            ...item,
            kargs: item.kargs.filter((karg) => !foreign.includes(keyOf(karg))),
          })),
          version,
        )
        for (const [index, { place }] of part.entries()) specs[place] = made[index]!
      }
      return specs
    },
    async activate(order, version, lock) {
      for (const [store, part] of await split(order, (id) => id)) {
        await store.activate(
          part.map(({ item }) => item),
          version,
          lock,
        )
      }
    },
    setOrigin: async (id, origin, lock) => (await ownerOf(id)).setOrigin(id, origin, lock),
    setPinned: async (id, pinned, lock) => (await ownerOf(id)).setPinned(id, pinned, lock),
    async prune(keep, lock) {
      const staged = keep.staged === undefined ? undefined : await ownerOf(keep.staged)
      for (const [store, part] of await split(keep.order, (id) => id)) {
        const order = part.map(({ item }) => item)
        const own = store === staged && keep.staged !== undefined ? { staged: keep.staged } : {}
        await store.prune({ order, version: keep.version, ...own }, lock)
      }
    },
  }
}

function keyOf(karg: string): string {
  const equals = karg.indexOf('=')
  return equals < 0 ? karg : karg.slice(0, equals)
}
