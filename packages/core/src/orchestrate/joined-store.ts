import { BootcError } from '../errors.js'
import type { ImageStore, PruneResult, StoreBackend, Sysroot } from '../interfaces/index.js'
import { releaseAll } from '../store-kit/release-all.js'
import { joinDeployments } from './joined-deployments.js'

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
    documents: async (image) => ofStore(all, image.store).images.documents?.(image),
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
    // Whoever asks for it has been told that the store can.
    ...(images.verifyCommit === undefined
      ? {}
      : { verifyCommit: (image, remote, options) => images.verifyCommit!(image, remote, options) }),
    ...(images.fsck === undefined ? {} : { fsck: (options) => images.fsck!(options) }),
    ...(images.readLayer === undefined
      ? {}
      : { readLayer: (image, index) => images.readLayer!(image, index) }),
    ...(images.adopt === undefined
      ? {}
      : { adopt: (image, tree, options) => images.adopt!(image, tree, options) }),
  }
}

function ofStore(all: readonly StoreBackend[], name: string): StoreBackend {
  const store = all.find((each) => each.name === name)
  if (store !== undefined) return store
  throw new BootcError('SYSROOT_UNKNOWN_PROVIDER', `the image is in a store ${name}, which is not open`, {
    details: { name, available: all.map((each) => each.name) },
  })
}
