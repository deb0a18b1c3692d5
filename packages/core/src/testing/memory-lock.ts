import type { LockOptions } from '../interfaces/index.js'
import { lockedError } from '../node/lock-error.js'
import type { Inode, MemoryFs, MemoryLocks } from './memory-fs.js'

/** Shared or exclusive lock of an inode; waiters wake when a holder leaves. */
export async function lockInode(
  fs: MemoryFs,
  node: Inode,
  path: string,
  { exclusive, timeoutMs, signal, onProgress }: LockOptions,
): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  let locks = fs.locks.get(node)
  if (locks === undefined) fs.locks.set(node, (locks = { holders: new Set(), waiters: new Set() }))
  const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs
  let announced = false
  while (!isFree(locks, exclusive)) {
    const left = deadline - Date.now()
    if (timeoutMs !== undefined && left <= 0) throw lockedError(path, timeoutMs)
    if (!announced) onProgress?.({ type: 'lock:waiting', detail: { path } })
    announced = true
    await waitForRelease(locks, left, signal)
  }
  const holder = { exclusive }
  locks.holders.add(holder)
  const { holders, waiters } = locks
  return {
    async [Symbol.asyncDispose]() {
      if (!holders.delete(holder)) return
      for (const wake of waiters) wake()
    },
  }
}

function isFree({ holders }: MemoryLocks, exclusive: boolean): boolean {
  if (exclusive) return holders.size === 0
  for (const holder of holders) if (holder.exclusive) return false
  return true
}

function waitForRelease(locks: MemoryLocks, leftMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = leftMs === Infinity ? undefined : setTimeout(() => end(resolve), leftMs)
    const abort = () => end(() => reject(signal!.reason as Error))
    const wake = () => end(resolve)
    const end = (then: () => void) => {
      clearTimeout(timer)
      locks.waiters.delete(wake)
      signal?.removeEventListener('abort', abort)
      then()
    }
    locks.waiters.add(wake)
    signal?.addEventListener('abort', abort)
  })
}
