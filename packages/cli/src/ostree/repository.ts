import { resolve } from 'node:path'
import type { OstreeRepo } from '@bootc-sdk/ostree-backend'

export interface RepoOptions {
  readonly repo: string
}

/** Open the repository that `--repo` names. */
export async function openRepository(options: RepoOptions): Promise<OstreeRepo> {
  const [{ nodeDir }, { openRepo }] = await Promise.all([
    import('@bootc-sdk/core/node'),
    import('@bootc-sdk/ostree-backend'),
  ])
  return openRepo(nodeDir(resolve(options.repo)))
}

/** @throws BootcError `STORE_OSTREE_NO_REV` */
export async function resolveCommit(repo: OstreeRepo, rev: string): Promise<string> {
  const { requireRev } = await import('@bootc-sdk/ostree-backend')
  return requireRev(repo, rev)
}
