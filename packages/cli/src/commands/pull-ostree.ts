import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import {
  initRepo,
  openRepo,
  ostreeImageStore,
  type OstreeRepo,
  type RepoMode,
} from '@bootc-sdk/ostree-backend'
import { openRepository } from '../ostree/repository.js'
import { remoteTrust } from '../ostree/remote-trust.js'
import type { PullTarget } from './pull-target.js'

export async function ostreeTarget(options: {
  readonly repo: string
  readonly init?: RepoMode
}): Promise<PullTarget> {
  return {
    store: ostreeImageStore(await openOrInit(options.repo, options.init), { trust: remoteTrust }),
    describe: ({ id }) => Promise.resolve({ json: { commit: id }, lines: [['Commit', id]] }),
    layer: ({ digest, diffId, ref, id, cached }) => ({ digest, diffId, ref, commit: id, cached }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** @param init mode of the repository to make when there is none yet */
async function openOrInit(path: string, init: RepoMode | undefined): Promise<OstreeRepo> {
  if (init === undefined) return openRepository({ repo: path })
  const absolute = resolve(path)
  await mkdir(absolute, { recursive: true })
  const dir = nodeDir(absolute)
  return (await dir.stat('config')) === undefined ? initRepo(dir, init) : openRepo(dir)
}
