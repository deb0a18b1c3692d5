import { resolve } from 'node:path'
import { BootcError, isBootcError, type Dir } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { openRepo, type OstreeRepo } from '@bootc-sdk/ostree-backend'

export interface RepoOptions {
  readonly repo: string
}

/** Open the repository that `--repo` names. @throws BootcError `STORE_OSTREE_NOT_A_REPO` */
export async function openRepository(options: RepoOptions): Promise<OstreeRepo> {
  return openRepo(repositoryDir(resolve(options.repo)))
}

function repositoryDir(path: string): Dir {
  try {
    return nodeDir(path)
  } catch (cause) {
    if (!isBootcError(cause, 'TREE_NOT_FOUND')) throw cause
    const reason = `${path} does not exist; "ostree init", or --init of "image pull", makes a repository`
    throw new BootcError('STORE_OSTREE_NOT_A_REPO', reason, { details: { reason }, cause })
  }
}
