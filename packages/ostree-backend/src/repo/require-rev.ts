import { BootcError } from '@bootc-sdk/core'
import type { OstreeRepo } from './api.js'

/** The commit that a revision names. @throws BootcError `STORE_OSTREE_NO_REV` */
export async function requireRev(repo: OstreeRepo, rev: string): Promise<string> {
  const commit = await repo.resolveRev(rev)
  if (commit === undefined) {
    throw new BootcError('STORE_OSTREE_NO_REV', `revision ${rev} does not exist`, { details: { rev } })
  }
  return commit
}
