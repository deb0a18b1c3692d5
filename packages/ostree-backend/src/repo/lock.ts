import { BootcError, isBootcError, type OpOptions } from '@bootc-sdk/core'
import type { RepoContext } from './context.js'

const noLock: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() }

/**
 * The repository lock that libostree takes too: shared for writing objects, exclusive for deleting them.
 *
 * @throws BootcError `STORE_OSTREE_LOCKED` after `core.lock-timeout-secs`
 */
export async function lockRepo(
  context: Pick<RepoContext, 'dir' | 'config'>,
  exclusive: boolean,
  options: OpOptions = {},
): Promise<AsyncDisposable> {
  const { dir, config } = context
  if (!config.bool('core', 'locking', true)) return noLock
  const seconds = config.integer('core', 'lock-timeout-secs', 300)
  try {
    return await dir.lock('.lock', {
      exclusive,
      ...(seconds >= 0 ? { timeoutMs: seconds * 1000 } : {}),
      signal: options.signal,
    })
  } catch (error) {
    if (!isBootcError(error, 'TREE_LOCKED')) throw error
    throw new BootcError('STORE_OSTREE_LOCKED', 'repository is locked by another process', {
      details: { path: '.lock', timeoutMs: seconds * 1000 },
      cause: error,
    })
  }
}
