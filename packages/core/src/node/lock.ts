import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LockOptions } from '../interfaces/index.js'
import { fdCalls } from './fd-calls.js'
import { lockedError } from './lock-error.js'
import { tryLockFile } from './lock-file.js'
import { placeOf, type NodeRoot, type Place } from './place.js'
import { errnoOf, fromErrno } from './tree-error.js'

/** First and longest wait between two tries, in milliseconds. */
const pollMs = { first: 10, longest: 250 }

/** Lock an entry; see `Dir.lock`. Kernel locks, or where nothing can take them a lock file that only we respect. */
export async function lockEntry(
  root: NodeRoot,
  path: string,
  options: LockOptions,
): Promise<AsyncDisposable> {
  const { exclusive, timeoutMs, signal, onProgress } = options
  const calls = fdCalls(root.native)
  using place = placeOf(root, path)
  let fd: number | undefined
  try {
    fd = openForLock(place, exclusive)
    const held = fd
    const kind = fstatSync(held).isDirectory() ? 'flock' : 'ofd'
    const tryLock =
      calls === undefined
        ? () => tryLockFile(root, place, held, exclusive)
        : () => (calls.tryLock(held, kind, exclusive) ? () => calls.unlock(held, kind) : undefined)
    const unlock = await poll(tryLock, () => lockedError(place.shown, timeoutMs ?? 0), {
      timeoutMs,
      signal,
      waiting: () => onProgress?.({ type: 'lock:waiting', detail: { path: place.shown } }),
    })
    let open = true
    return {
      [Symbol.asyncDispose]() {
        if (open) {
          open = false
          unlock()
          closeSync(held)
        }
        return Promise.resolve()
      },
    }
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    throw fromErrno(error, place.shown)
  }
}

function openForLock(place: Place, exclusive: boolean): number {
  const { O_RDONLY, O_RDWR, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants
  if (place.parent.lstat(place.name)?.isDirectory()) {
    return openSync(place.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  }
  try {
    return openSync(place.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o660)
  } catch (error) {
    // A shared lock needs no more than reading.
    if (exclusive || !['EROFS', 'EACCES'].includes(errnoOf(error) ?? '')) throw error
    return openSync(place.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  }
}

async function poll<T>(
  attempt: () => T | undefined,
  failure: () => Error,
  options: { timeoutMs: number | undefined; signal: AbortSignal | undefined; waiting: () => void },
): Promise<T> {
  const { timeoutMs, signal } = options
  const startMs = performance.now()
  let waitMs = pollMs.first
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted()
    const result = attempt()
    if (result !== undefined) return result
    const leftMs = timeoutMs === undefined ? Infinity : timeoutMs - (performance.now() - startMs)
    if (leftMs <= 0) throw failure()
    if (tries === 0) options.waiting()
    try {
      await sleep(Math.min(waitMs, leftMs), undefined, signal === undefined ? {} : { signal })
    } catch {
      signal?.throwIfAborted()
    }
    waitMs = Math.min(waitMs * 2, pollMs.longest)
  }
}
