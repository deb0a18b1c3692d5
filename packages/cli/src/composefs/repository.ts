import { resolve } from 'node:path'
import { BootcError, isBootcError, type Dir } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import { openComposefsRepo, type ComposefsRepo } from '@bootc-sdk/composefs-backend'

/** Open the repository that `--repo` names. @throws BootcError `STORE_COMPOSEFS_NOT_A_REPO` */
export function openRepository(path: string): Promise<ComposefsRepo> {
  return openComposefsRepo(repositoryDir(resolve(path)))
}

function repositoryDir(path: string): Dir {
  try {
    return nodeDir(path)
  } catch (cause) {
    if (!isBootcError(cause, 'TREE_NOT_FOUND')) throw cause
    const reason = `${path} does not exist; "composefs init", or "image pull --store composefs", makes a repository`
    throw new BootcError('STORE_COMPOSEFS_NOT_A_REPO', reason, { details: { reason }, cause })
  }
}
