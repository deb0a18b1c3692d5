import { BootcError } from '../errors.js'
import type {
  BootSpec,
  Deployment,
  DeploymentId,
  DeploymentStore,
  ImageStore,
  PruneResult,
  StoreBackend,
  Sysroot,
} from '../interfaces/index.js'
import { releaseAll } from '../store-kit/release-all.js'
import { readForeignMerge, writeForeignMerge } from './foreign-merge.js'

/**
 * Several stores of one sysroot as one, while a system moves from one to another: what is new goes to the
 * first, deployments of the others stay in the list, keep their /etc and go when nothing boots them any more.
 */
export function joinStores(
  sysroot: Sysroot,
  primary: StoreBackend,
  others: readonly StoreBackend[],
): StoreBackend {
  if (others.length === 0) return primary
  const all = [primary, ...others]
  return {
    name: primary.name,
    images: joinImages(primary.images, all),
    deployments: joinDeployments(sysroot, primary.deployments, all),
    warnings: all.flatMap(({ warnings }) => warnings ?? []),
    async lock(options) {
      const held: AsyncDisposable[] = []
      try {
        for (const store of all) {
          const lock = await store.lock?.(options)
          if (lock !== undefined) held.push(lock)
        }
      } catch (error) {
        await releaseAll(held)
        throw error
      }
      return { [Symbol.asyncDispose]: () => releaseAll(held) }
    },
  }
}

function joinImages(primary: ImageStore, all: readonly StoreBackend[]): ImageStore {
  return {
    ...bindImages(primary),
    async get(digest) {
      for (const { images } of all) {
        const image = await images.get(digest)
        if (image !== undefined) return image
      }
      return undefined
    },
    async *list() {
      for (const { images } of all) yield* images.list()
    },
    open: (image) => ofStore(all, image.store).images.open(image),
    setCachedUpdate: (image, update) => ofStore(all, image.store).images.setCachedUpdate(image, update),
    async remove(reference) {
      let removed = false
      for (const { images } of all) removed = (await images.remove(reference)) || removed
      return removed
    },
    async prune(keep, options) {
      const sum: { -readonly [K in keyof PruneResult]: number } = {
        images: 0,
        layers: 0,
        objects: 0,
        bytes: 0,
      }
      for (const { images } of all) {
        const pruned = await images.prune(keep, options)
        for (const key of ['images', 'layers', 'objects', 'bytes'] as const) sum[key] += pruned[key]
      }
      return sum
    },
  }
}

/** Importing, looking up by reference and the room for it are the first store's alone. */
function bindImages(images: ImageStore): ImageStore {
  return {
    supports: images.supports,
    get: (digest) => images.get(digest),
    lookup: (reference) => images.lookup(reference),
    list: () => images.list(),
    freeBytes: () => images.freeBytes(),
    begin: (image, options) => images.begin(image, options),
    open: (image) => images.open(image),
    setCachedUpdate: (image, update) => images.setCachedUpdate(image, update),
    remove: (reference) => images.remove(reference),
    prune: (keep, options) => images.prune(keep, options),
    ...(images.fsck === undefined ? {} : { fsck: (options) => images.fsck!(options) }),
    ...(images.readLayer === undefined
      ? {}
      : { readLayer: (image, index) => images.readLayer!(image, index) }),
    ...(images.adopt === undefined
      ? {}
      : { adopt: (image, tree, options) => images.adopt!(image, tree, options) }),
  }
}

function joinDeployments(
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

function ofStore(all: readonly StoreBackend[], name: string): StoreBackend {
  const store = all.find((each) => each.name === name)
  if (store !== undefined) return store
  throw new BootcError('SYSROOT_UNKNOWN_PROVIDER', `the image is in a store ${name}, which is not open`, {
    details: { name, available: all.map((each) => each.name) },
  })
}
