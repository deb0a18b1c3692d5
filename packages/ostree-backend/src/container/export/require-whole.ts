import { BootcError } from '@bootc-sdk/core'
import type { OstreeRepo } from '../../repo/api.js'

/** @throws BootcError `STORE_OSTREE_PARTIAL` for a commit of which objects were never fetched */
export async function requireWhole(repo: Pick<OstreeRepo, 'isPartial'>, commit: string): Promise<void> {
  if (!(await repo.isPartial(commit))) return
  throw new BootcError('STORE_OSTREE_PARTIAL', `commit ${commit} is partial: not all of it is here`, {
    details: { commit },
  })
}
