import type { MoveWay } from './move-image.js'
import { moveImage, moveWay } from './move-image.js'
import { BootcError } from '../errors.js'
import type { OpOptions, StoreBackend, StoredImage, Warning } from '../interfaces/index.js'
import type { SignedImageReference } from '../oci/reference.js'
import { deployPulled, pullForHost } from './change.js'
import { assertBooted, withWriter, type Context, type Writer } from './context.js'
import { requireFollowed, sameReference } from './followed.js'
import { factsOfImage } from './image-facts.js'
import { loadState } from './load.js'
import { moveNotes } from './move-notes.js'
import { resolveChecked } from './pull-image.js'
import type { PullResult } from './pull-types.js'
import type { ChangeResult, ImageFacts } from './types.js'

/** What moving a system to another store takes. Plain data; making it changes nothing. */
export interface MovePlan {
  readonly from: string
  readonly to: string
  readonly image: ImageFacts
  /** `layers` and `tree` need no download. */
  readonly way: MoveWay
  /** Bytes to fetch, compressed. */
  readonly bytesToFetch: number
  /** Of the new store, after its reserve; unknown while it is not laid out. */
  readonly freeBytes?: number
  /** Deployments that stay in the boot list behind the new one. */
  readonly keeps: readonly string[]
  readonly notes: readonly Warning[]
}

export interface MoveStoreOptions extends OpOptions {
  /** What to follow from then on; default: what is followed now. */
  readonly target?: SignedImageReference | undefined
  readonly apply?: boolean
}

/** @throws BootcError `SYSROOT_NOT_INITIALIZED`, `DEPLOY_STORE_SAME`, `DEPLOY_NO_SOURCE` */
export async function planMove(context: Context, to: string, options: MoveStoreOptions): Promise<MovePlan> {
  options.signal?.throwIfAborted()
  const provider = await context.backends.storeProvider(to)
  const current = await context.backends.current()
  if (current === undefined) {
    throw new BootcError('SYSROOT_NOT_INITIALIZED', 'nothing is deployed on this sysroot', {
      details: { stores: context.parts.stores.map(({ name }) => name) },
    })
  }
  const state = await loadState(context.sysroot, current)
  const moving = { ...current, state }
  assertOtherStore(moving, to)
  const origin = options.target ?? requireFollowed(state)
  const image = await storedForMove(moving, origin)
  const isThere = (await context.backends.storesInUse()).includes(to)
  const target = isThere ? await provider.open(context.sysroot) : undefined
  // Whether it can adopt a tree is known once it is open; every store of ours can.
  const way = image === undefined ? 'download' : moveWay(current.store.images, target?.images ?? adopting)
  // What would have to be downloaded cannot be looked at before.
  const notes =
    image === undefined ? [] : await moveNotes(provider, await current.store.images.open(image), moving)
  const facts = image ?? (await resolveChecked(resolveOptions(context, origin, options)))
  const layers = new Map(facts.manifest.layers.map(({ digest, size }) => [digest, size]))
  return {
    from: state.anchor?.deployment.store ?? current.store.name,
    to,
    image: factsOfImage(facts, origin),
    way,
    bytesToFetch: way === 'download' ? [...layers.values()].reduce((sum, size) => sum + size, 0) : 0,
    ...(target === undefined ? {} : { freeBytes: await target.images.freeBytes() }),
    keeps: state.order.map(({ id }) => id),
    notes,
  }
}

const adopting = { adopt: () => Promise.reject(new Error('not open')) } as unknown as StoreBackend['images']

/**
 * Deploy what the host follows from another store: the image comes from the old store where that has it, /etc is
 * merged across, /var stays where it is, the boot entries of both stand in one list, switched by the loader in
 * its one step. The old deployments remain for rollback.
 *
 * @throws BootcError `DEPLOY_STORE_SAME` and what pulling and deploying throw
 */
export function moveToStore(context: Context, to: string, options: MoveStoreOptions): Promise<ChangeResult> {
  return withWriter(context, { ...options, store: to }, async (writer) => {
    assertBooted(writer)
    assertOtherStore(writer, to)
    const origin = options.target ?? requireFollowed(writer.state)
    const pull = await bring(writer, to, origin, options)
    const provider = await context.backends.storeProvider(to)
    const notes = await moveNotes(provider, await writer.store.images.open(pull.image), writer)
    const how = { origin, retainOrigin: false, locked: false, apply: options.apply === true }
    const result = await deployPulled(writer, pull, how, options)
    return { ...result, warnings: [...notes, ...result.warnings] }
  })
}

async function bring(
  writer: Writer,
  to: string,
  origin: SignedImageReference,
  options: OpOptions,
): Promise<PullResult> {
  const { context, store } = writer
  const image = await storedForMove(writer, origin)
  if (image === undefined || image.store === to) return pullForHost(writer, origin, options)
  const from = await context.backends.openStore(image.store)
  const target = await context.backends.openStore(to)
  if (moveWay(from.images, target.images) === 'download') return pullForHost(writer, origin, options)
  const moved = await moveImage(
    {
      image,
      from: from.images,
      to: target.images,
      reference: origin.image,
      resolve: () => resolveChecked(resolveOptions(context, origin, options)),
    },
    options,
  )
  const layers = moved.image.layers.map((layer, index) => ({
    ...layer,
    sizeBytes: moved.image.manifest.layers[index]!.size,
    cached: true,
  }))
  const stored = (await store.images.get(moved.image.manifestDigest)) ?? moved.image
  return { image: stored, changed: true, layers, bytesFetched: 0, bytesResumed: 0, warnings: moved.warnings }
}

/** The image of the anchor, when it is what is to be followed and its store still has it. */
async function storedForMove(
  { store, state }: Pick<Writer, 'store' | 'state'>,
  origin: SignedImageReference,
): Promise<StoredImage | undefined> {
  const { anchor } = state
  const followed = anchor?.deployment.origin
  const digest = anchor?.deployment.image?.manifestDigest
  if (followed === undefined || digest === undefined || !sameReference(followed, origin)) return undefined
  return store.images.get(digest)
}

function assertOtherStore({ state }: Pick<Writer, 'state'>, to: string): void {
  if (state.anchor?.deployment.store !== to) return
  throw new BootcError('DEPLOY_STORE_SAME', `the system is in the store ${to} already`, {
    details: { store: to },
  })
}

function resolveOptions(context: Context, origin: SignedImageReference, options: OpOptions) {
  const architecture = context.sysroot.host.arch
  return {
    transports: context.parts.transports,
    reference: origin.image,
    source: origin.signature,
    policy: context.policy,
    platform: { architecture, os: 'linux' },
    requireBootable: { architecture },
    signal: options.signal,
  }
}
