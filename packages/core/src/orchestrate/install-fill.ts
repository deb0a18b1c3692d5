import type { Provider, ResolvedImage, StoreBackend, SysrootLock, Warning } from '../interfaces/index.js'
import { lockStore, type Context } from './context.js'
import { inspectBoot } from './image-boot.js'
import { namesIn } from './install-target.js'
import type { InstallOptions } from './install-types.js'
import { pullResolved } from './pull-image.js'
import type { PullImageOptions, PullResult } from './pull-types.js'

/** A store that is laid out and has the image. */
export interface FilledStore extends AsyncDisposable {
  readonly store: StoreBackend
  /** It boots unified kernel images. */
  readonly bootsUki: boolean
  readonly pull: PullResult
  readonly warnings: readonly Warning[]
}

/**
 * Lay out the store and import the image. Whether an image has a unified kernel image is known only when it is there:
 * then, if the choice was ours and the store cannot boot one, what was made is removed, and the image goes to one
 * that can.
 */
export async function fillStore(
  context: Context,
  options: InstallOptions,
  made: { readonly lock: SysrootLock; readonly resolved: ResolvedImage; readonly inUse: boolean },
): Promise<FilledStore> {
  const { root } = context.sysroot
  const before = new Set(await namesIn(root, ''))
  const provider = await context.backends.storeProvider(options.store)
  const first = await fill(context, provider, options, made)
  if (options.store !== undefined || made.inUse || first.bootsUki) return first
  const better = context.parts.stores.find(({ boots }) => boots?.includes('uki'))
  if (better === undefined || !(await hasUki(first))) return first
  await first[Symbol.asyncDispose]()
  for (const name of await namesIn(root, '')) {
    if (!before.has(name) && name !== 'boot') await root.remove(name)
  }
  context.backends.forget()
  const message = `the image boots by a unified kernel image, so it goes to the store ${better.name}`
  const second = await fill(context, better, options, made)
  return { ...second, warnings: [{ code: 'install:store-chosen', message, details: { store: better.name } }] }
}

/** The store is let go when that cannot be told. */
async function hasUki(filled: FilledStore): Promise<boolean> {
  try {
    const { ukis } = await inspectBoot(await filled.store.images.open(filled.pull.image))
    return ukis.length > 0
  } catch (error) {
    await filled[Symbol.asyncDispose]()
    throw error
  }
}

async function fill(
  context: Context,
  provider: Provider<StoreBackend>,
  options: InstallOptions,
  { lock, resolved }: { readonly lock: SysrootLock; readonly resolved: ResolvedImage },
): Promise<FilledStore> {
  const store = await provider.init(context.sysroot, lock, options)
  context.backends.forget()
  const held = await lockStore(context, { store }, options)
  try {
    const pull = await pullResolved({ ...pullOptions(context, options), store: store.images, resolved })
    options.signal?.throwIfAborted()
    return {
      ...{ store, pull, bootsUki: provider.boots?.includes('uki') === true, warnings: [] },
      [Symbol.asyncDispose]: () => Promise.resolve(held[Symbol.asyncDispose]()),
    }
  } catch (error) {
    await held[Symbol.asyncDispose]()
    throw error
  }
}

export function pullOptions(context: Context, options: InstallOptions): Omit<PullImageOptions, 'store'> {
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
    // The host's clock: disks that are made twice have to be equal.
    timestamp: Math.floor(context.sysroot.host.now() / 1000),
    signal: options.signal,
    onProgress: options.onProgress,
  }
}
