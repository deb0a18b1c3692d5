import type { Codec } from '../codec/index.js'
import { BootcError } from '../errors.js'
import type { Logger, OpOptions, SignaturePolicy, Sysroot, SysrootLock } from '../interfaces/index.js'
import { backendSet, type Backends, type BackendSet } from './backends.js'
import type { HostState } from './host-state.js'
import { loadState } from './load.js'
import { insecureOnlyPolicy } from './policy.js'
import type { BootcParts } from './types.js'

/** What every operation of one `Bootc` shares. */
export interface Context {
  readonly parts: BootcParts
  readonly sysroot: Sysroot
  readonly backends: BackendSet
  readonly policy: SignaturePolicy
  readonly codec: Codec | undefined
  readonly log: Logger
}

/** A writer at work: locks held, state read under them. */
export interface Writer extends Backends {
  readonly context: Context
  readonly sysroot: Sysroot
  readonly lock: SysrootLock
  readonly state: HostState
}

const silent: Logger = { child: () => silent, debug: () => undefined, info: () => undefined }

export function createContext(parts: BootcParts): Context {
  return {
    parts,
    sysroot: parts.sysroot,
    backends: backendSet(parts.sysroot, parts.stores, parts.bootloaders),
    policy: parts.policy ?? insecureOnlyPolicy(),
    codec: parts.codec,
    log: (parts.logger ?? silent).child('orchestrate'),
  }
}

/** @throws BootcError `SYSROOT_READ_ONLY` */
export function assertWritable(sysroot: Sysroot): void {
  if (!sysroot.readOnly) return
  throw new BootcError(
    'SYSROOT_READ_ONLY',
    'Cannot perform this operation: the sysroot is on a read-only block device (e.g. a live ISO)',
  )
}

/** Hold the sysroot's lock, and tell how long to wait for it. */
export function lockSysroot(context: Context, options: OpOptions): Promise<SysrootLock> {
  return context.sysroot.lock(lockOptions(context, options))
}

export function lockOptions(context: Context, options: OpOptions): OpOptions & { timeoutMs?: number } {
  const { lockTimeoutMs } = context.parts
  return {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    ...(lockTimeoutMs === undefined ? {} : { timeoutMs: lockTimeoutMs }),
  }
}

/**
 * Run a writer: refuse a read-only sysroot, lock it, lock the store against other programs, read the state.
 *
 * @param options `store`: the store that new deployments go to; it is laid out when it is not there yet
 * @throws BootcError `SYSROOT_READ_ONLY`, `SYSROOT_NOT_INITIALIZED`, `DEPLOY_NOT_BOOTED`, `TREE_LOCKED`
 */
export async function withWriter<T>(
  context: Context,
  options: OpOptions & { readonly store?: string | undefined },
  run: (writer: Writer) => Promise<T>,
): Promise<T> {
  const { sysroot } = context
  options.signal?.throwIfAborted()
  assertWritable(sysroot)
  await using lock = await lockSysroot(context, options)
  if (options.store !== undefined) await layOut(context, options.store, lock, options)
  const backends = await context.backends.current(options)
  if (backends === undefined) {
    throw new BootcError('SYSROOT_NOT_INITIALIZED', 'nothing is deployed on this sysroot', {
      details: { stores: context.parts.stores.map(({ name }) => name) },
    })
  }
  await using _storeLock = await lockStore(context, backends, options)
  const state = await loadState(sysroot, backends)
  return await run({ ...backends, context, sysroot, lock, state })
}

async function layOut(context: Context, store: string, lock: SysrootLock, options: OpOptions): Promise<void> {
  const { backends, sysroot } = context
  const inUse = await backends.storesInUse()
  if (inUse.length === 0 || inUse.includes(store)) return
  await (await backends.storeProvider(store)).init(sysroot, lock, lockOptions(context, options))
  backends.forget()
}

/** Exclude other programs that write the store, where it can. */
export async function lockStore(
  context: Context,
  { store }: Pick<Backends, 'store'>,
  options: OpOptions,
): Promise<AsyncDisposable> {
  const held = await store.lock?.(lockOptions(context, options))
  return { [Symbol.asyncDispose]: async () => held?.[Symbol.asyncDispose]() }
}

/** The state that a writer of deployments needs: on a running system, something booted. */
export function assertBooted({ state }: Pick<Writer, 'state'>): void {
  if (!state.live || state.booted !== undefined) return
  throw new BootcError('DEPLOY_NOT_BOOTED', 'System not booted via bootc')
}
