import { isBootcError, type Dir, type LockOptions, type OpOptions } from '@bootc-sdk/core'

const lockPath = 'ostree/lock'

/**
 * libostree's sysroot lock: exclusive, on a file that its holder unlinks. A lock on a file that was unlinked
 * while we waited excludes nobody, so after getting one it is tried again: only the file that now has the name
 * refuses.
 *
 * @throws BootcError `TREE_LOCKED`
 */
export async function lockOstree(
  root: Dir,
  options: OpOptions & { timeoutMs?: number } = {},
): Promise<AsyncDisposable> {
  const lockOptions: LockOptions = { ...options, exclusive: true }
  let held = await root.lock(lockPath, lockOptions)
  for (;;) {
    let second: AsyncDisposable
    try {
      second = await root.lock(lockPath, { exclusive: true, timeoutMs: 0 })
    } catch (error) {
      if (isBootcError(error, 'TREE_LOCKED')) break
      await held[Symbol.asyncDispose]()
      throw error
    }
    // The name leads to another file now; that lock is the one that counts.
    await held[Symbol.asyncDispose]()
    held = second
  }
  return {
    async [Symbol.asyncDispose]() {
      try {
        await root.remove(lockPath)
      } finally {
        await held[Symbol.asyncDispose]()
      }
    },
  }
}
