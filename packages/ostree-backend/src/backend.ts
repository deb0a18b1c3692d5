import type { OpOptions, Provider, StoreBackend, Sysroot, SysrootLock } from '@bootc-sdk/core'
import { ostreeImageStore } from './container/image-store.js'
import { storeName } from './container/stored-image.js'
import type { OstreeRepo, RepoMode } from './repo/api.js'
import { openRepo } from './repo/index.js'
import { ostreeDeploymentStore } from './sysroot/deployment-store.js'
import { initSysroot } from './sysroot/init.js'
import { lockOstree } from './sysroot/lock.js'
import { repoPath } from './sysroot/repo-path.js'
import { scanDeployments } from './sysroot/scan.js'
import type { TrustOptions } from './trust/remote-verifier.js'

export interface OstreeBackendOptions {
  /** Stateroot of deployments that ask for none. Default `default`. */
  readonly stateroot?: string
  /** Mode of a new repository. Default `bare` where owners can be set, else `bare-user`. */
  readonly mode?: RepoMode
  /** What verification by the keys of an OSTree remote needs (`ostree-remote-image:`). */
  readonly trust?: TrustOptions
}

/** Images and deployments in an OSTree repository below `/ostree`, shared with libostree. */
export function ostreeBackend(options: OstreeBackendOptions = {}): Provider<StoreBackend> {
  const stateroot = options.stateroot ?? 'default'
  return {
    name: storeName,
    apiVersion: 1,
    async detect({ root }: Sysroot) {
      const objects = await root.stat(`${repoPath}/objects`)
      return objects?.type === 'directory' ? { evidence: `repository at /${repoPath}` } : undefined
    },
    async open(sysroot: Sysroot) {
      return backendOn(sysroot, await openRepo(sysroot.root.sub(repoPath)), stateroot, options.trust)
    },
    async init(sysroot: Sysroot, _lock: SysrootLock, _options?: OpOptions) {
      const { root, host } = sysroot
      const owners = host.supports.root && root.supports.chown && root.supports.xattrs
      const mode = options.mode ?? (owners ? 'bare' : 'bare-user')
      return backendOn(sysroot, await initSysroot(sysroot, { mode, stateroot }), stateroot, options.trust)
    },
  }
}

function backendOn(
  sysroot: Sysroot,
  repo: OstreeRepo,
  stateroot: string,
  trust: TrustOptions = {},
): StoreBackend {
  const deployedCommits = async (): Promise<string[]> => {
    const commits: string[] = []
    for await (const { name } of scanDeployments(sysroot.root)) commits.push(name.checksum)
    return commits
  }
  return {
    name: storeName,
    images: ostreeImageStore(repo, { roots: deployedCommits, trust }),
    deployments: ostreeDeploymentStore(sysroot, repo, stateroot),
    async configure({ blsAppendExceptDefault }) {
      await repo.setConfig([
        { group: 'sysroot', key: 'bls-append-except-default', value: blsAppendExceptDefault },
      ])
    },
    lock: (options) => lockOstree(sysroot.root, options),
  }
}
