import type { Provider, StoreBackend, Sysroot } from '@bootc-sdk/core'
import type { RepoMode } from './repo/api.js'
import { storeName } from './store-name.js'
import type { ComposefsFormat } from './sysroot/composefs-image.js'
import { repoPath } from './sysroot/repo-path.js'
import type { TrustOptions } from './trust/remote-verifier.js'

export interface OstreeBackendOptions {
  /** Stateroot of deployments that ask for none. Default `default`. */
  readonly stateroot?: string
  /** Mode of a new repository. Default `bare` where owners can be set, else `bare-user`. */
  readonly mode?: RepoMode
  /** What verification by the keys of an OSTree remote needs (`ostree-remote-image:`). */
  readonly trust?: TrustOptions
  /**
   * Makes `.ostree.cfs`, the composefs image in every deployment from which images with `[composefs] enabled = yes` start;
   * loaded when there is one to be made: `() => import('@bootc-sdk/composefs-backend/format')`. Without it such images are
   * refused.
   */
  readonly composefs?: () => Promise<ComposefsFormat>
}

/** Images and deployments in an OSTree repository below `/ostree`, shared with libostree. */
export function ostreeBackend(options: OstreeBackendOptions = {}): Provider<StoreBackend> {
  return {
    name: storeName,
    apiVersion: 1,
    async detect({ root }: Sysroot) {
      const objects = await root.stat(`${repoPath}/objects`)
      return objects?.type === 'directory' ? { evidence: `repository at /${repoPath}` } : undefined
    },
    // Loaded when it is opened: what runs on a sysroot is often another store.
    open: async (sysroot) => (await import('./open-backend.js')).openBackend(sysroot, options),
    init: async (sysroot) => (await import('./open-backend.js')).initBackend(sysroot, options),
  }
}
