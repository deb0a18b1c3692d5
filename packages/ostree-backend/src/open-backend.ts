import type { StoreBackend, Sysroot } from '@bootc-sdk/core'
import type { OstreeBackendOptions } from './backend.js'
import { ostreeImageStore } from './container/image-store.js'
import type { OstreeRepo } from './repo/api.js'
import { openRepo } from './repo/index.js'
import { storeName } from './store-name.js'
import { ostreeDeploymentStore } from './sysroot/deployment-store.js'
import { initSysroot } from './sysroot/init.js'
import { lockOstree } from './sysroot/lock.js'
import { repoPath } from './sysroot/repo-path.js'
import { scanDeployments } from './sysroot/scan.js'

/** The store of a sysroot that has one. */
export async function openBackend(sysroot: Sysroot, options: OstreeBackendOptions): Promise<StoreBackend> {
  return backendOn(sysroot, await openRepo(sysroot.root.sub(repoPath)), options)
}

/** The store of a sysroot that gets one now. */
export async function initBackend(sysroot: Sysroot, options: OstreeBackendOptions): Promise<StoreBackend> {
  const { root, host } = sysroot
  const owners = host.supports.root && root.supports.chown && root.supports.xattrs
  const mode = options.mode ?? (owners ? 'bare' : 'bare-user')
  return backendOn(sysroot, await initSysroot(sysroot, { mode, stateroot: staterootOf(options) }), options)
}

const staterootOf = ({ stateroot = 'default' }: OstreeBackendOptions): string => stateroot

function backendOn(sysroot: Sysroot, repo: OstreeRepo, options: OstreeBackendOptions): StoreBackend {
  const { trust = {} } = options
  const deployedCommits = async (): Promise<string[]> => {
    const commits: string[] = []
    for await (const { name } of scanDeployments(sysroot.root)) commits.push(name.checksum)
    return commits
  }
  return {
    name: storeName,
    images: ostreeImageStore(repo, { roots: deployedCommits, trust }),
    deployments: ostreeDeploymentStore(sysroot, repo, staterootOf(options), options.composefs),
    async configure({ blsAppendExceptDefault }) {
      await repo.setConfig([
        { group: 'sysroot', key: 'bls-append-except-default', value: blsAppendExceptDefault },
      ])
    },
    lock: (opOptions) => lockOstree(sysroot.root, opOptions),
  }
}
