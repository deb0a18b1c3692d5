import type { Dir } from '@bootc-sdk/core'
import type { CheckoutOptions, OstreeRepo } from './api.js'
import type { RepoContext } from './context.js'
export function checkoutCommit(
  _repo: OstreeRepo,
  _context: RepoContext,
  _commit: string,
  _target: Dir,
  _options: CheckoutOptions,
): Promise<{ entries: number }> {
  return Promise.reject(new Error('not yet'))
}
