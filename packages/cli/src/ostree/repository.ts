import { resolve } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { openRepo, type OstreeRepo } from '@bootc-sdk/ostree-backend'

export interface RepoOptions {
  readonly repo: string
}

/** Open the repository that `--repo` names. */
export function openRepository(options: RepoOptions): Promise<OstreeRepo> {
  return openRepo(nodeDir(resolve(options.repo)))
}
