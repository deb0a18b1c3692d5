import { resolve } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
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

/** @throws BootcError `STORE_REF_NOT_FOUND` */
export async function resolveCommit(repo: OstreeRepo, rev: string): Promise<string> {
  const checksum = await repo.resolveRev(rev)
  if (checksum === undefined) {
    throw new BootcError('STORE_REF_NOT_FOUND', `Refspec '${rev}' not found`, { details: { ref: rev } })
  }
  return checksum
}
