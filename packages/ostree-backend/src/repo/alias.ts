import type { OstreeRepo } from './api.js'
import { unsupported } from '../format/errors.js'
import { writeAlias } from './ref-files.js'
import { Transaction } from './transaction.js'

/** Make `alias` another name of a ref, as `ostree refs --alias` does: it follows when that ref moves. */
export async function setAlias(repo: OstreeRepo, alias: string, target: string): Promise<void> {
  const transaction = await repo.begin()
  await using _ = transaction
  if (!(transaction instanceof Transaction)) throw unsupported('alias', 'not a repository of this package')
  await writeAlias(repo.dir, transaction.temporaryPath(), alias, target)
  await repo.dir.sync()
}
