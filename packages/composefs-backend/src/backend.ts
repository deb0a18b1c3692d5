import type { Provider, StoreBackend, Sysroot } from '@bootc-sdk/core'
import type { VerityAlgorithm } from './format/types.js'
import { storeName } from './store-name.js'
import { repoPath } from './sysroot/layout.js'

export interface ComposefsBackendOptions {
  /** Hash of a new repository; default `sha512`, the only one that bootc knows. */
  readonly algorithm?: VerityAlgorithm
  /** Format version of images in a new repository; default 1. */
  readonly erofsVersion?: 1 | 2
  /**
   * Refuse a repository in which fs-verity is not enforced. Default: a new one demands it where the file system
   * can, and elsewhere is made without (a warning says so).
   */
  readonly requireVerity?: boolean
  /**
   * Do not demand fs-verity in a new repository, and let entries stop to demand it when a repository has lost it, as
   * copying does; refused by default.
   */
  readonly allowMissingVerity?: boolean
}

/** Images and deployments in a composefs repository below `/composefs`, shared with bootc's composefs backend. */
export function composefsBackend(options: ComposefsBackendOptions = {}): Provider<StoreBackend> {
  return {
    name: storeName,
    apiVersion: 1,
    boots: ['linux', 'uki'],
    bootNotes: async (tree) => (await import('./sysroot/boot-notes.js')).bootNotes(tree),
    ownVarNotes: async (tree) => (await import('./sysroot/own-var-notes.js')).ownVarNotes(tree),
    async detect({ root }: Sysroot) {
      if ((await root.stat(repoPath))?.type !== 'directory') return undefined
      const repo = root.sub(repoPath)
      for (const name of ['meta.json', 'objects']) {
        if ((await repo.stat(name)) !== undefined) return { evidence: `repository at /${repoPath}` }
      }
      return undefined
    },
    // Loaded when it is opened: what runs on a sysroot is often another store.
    open: async (sysroot, opOptions) =>
      (await import('./open-backend.js')).openBackend(sysroot, options, opOptions),
    init: async (sysroot, _lock, opOptions) =>
      (await import('./open-backend.js')).initBackend(sysroot, options, opOptions),
  }
}
