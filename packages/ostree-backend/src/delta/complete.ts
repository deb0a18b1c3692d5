import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import type { OstreeRepo } from '../repo/api.js'
import { noObject } from '../repo/errors.js'
import { addReachable, nothingReachable } from '../repo/reachable.js'

/**
 * See that everything a commit needs is here, and then say so: the mark of a partial commit goes.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT` for the first thing that is missing
 */
export async function completeCommit(repo: OstreeRepo, commit: string): Promise<void> {
  const reachable = nothingReachable()
  await addReachable(repo, reachable, commit, 0, new Map())
  const wanted = [
    ...[...reachable.trees].map((checksum) => ['dirtree', checksum] as const),
    ...[...reachable.metas].map((checksum) => ['dirmeta', checksum] as const),
    ...[...reachable.files].map((checksum) => ['file', checksum] as const),
  ]
  await mapLimit(wanted, ioConcurrency, async ([type, checksum]) => {
    if (!(await repo.has(type, checksum))) throw noObject(`${checksum}.${type}`)
  })
  await using transaction = await repo.begin()
  await transaction.markPartial(commit, false)
  await transaction.commit()
}
