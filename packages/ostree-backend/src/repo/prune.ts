import type { OstreeRepo, PruneOptions } from './api.js'
import type { RepoContext } from './context.js'
export function pruneRepo(
  _repo: OstreeRepo,
  _context: RepoContext,
  _options: PruneOptions,
): Promise<{ total: number; pruned: number; bytes: number }> {
  return Promise.reject(new Error('not yet'))
}
