import {
  type OpOptions,
  type Provider,
  type StoreBackend,
  type Sysroot,
  type SysrootLock,
  type Warning,
} from '@bootc-sdk/core'
import type { VerityAlgorithm } from './format/types.js'
import { composefsImageStore } from './oci/index.js'
import { storeName } from './oci/stored-image.js'
import type { ComposefsRepo } from './repo/api.js'
import { initComposefsRepo, openComposefsRepo } from './repo/index.js'
import { composefsDeploymentStore } from './sysroot/deployment-store.js'
import { deployedImages } from './sysroot/deployments.js'
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
  const { requireVerity = false, allowMissingVerity = false } = options
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
    async open(sysroot: Sysroot, opOptions: OpOptions = {}) {
      const repo = await openComposefsRepo(sysroot.root.sub(repoPath), {
        ...opOptions,
        requireVerity,
        lock: 'writing',
      })
      return backendOn(sysroot, repo, options)
    },
    async init(sysroot: Sysroot, _lock: SysrootLock, opOptions: OpOptions = {}) {
      const { initSysroot } = await import('./sysroot/init.js')
      await initSysroot(sysroot)
      const { algorithm, erofsVersion } = options
      const { signal, onProgress } = opOptions
      const repo = await initComposefsRepo(sysroot.root.sub(repoPath), {
        ...{ algorithm, erofsVersion, signal, onProgress },
        ...(requireVerity ? { requireVerity } : allowMissingVerity ? { requireVerity: false } : {}),
        lock: 'writing',
      })
      return backendOn(sysroot, repo, options)
    },
  }
}

function backendOn(
  sysroot: Sysroot,
  repo: ComposefsRepo,
  { allowMissingVerity = false }: ComposefsBackendOptions,
): StoreBackend {
  const images = composefsImageStore(repo, {
    bootable: 'auto',
    tagStyle: 'bootc',
    deployments: () => deployedImages(sysroot.root),
  })
  return {
    name: storeName,
    images,
    deployments: composefsDeploymentStore({ sysroot, repo, images, allowMissingVerity }),
    warnings: verityWarnings(repo),
  }
}

function verityWarnings({ verity }: ComposefsRepo): readonly Warning[] {
  if (verity.mode === 'required') return []
  const why = verity.enforceable ? 'the repository was made without it' : 'the file system has none'
  return [
    {
      code: 'store:verity-not-enforced',
      message: `files of the system are not protected by fs-verity: ${why}`,
      details: { enforceable: verity.enforceable },
    },
  ]
}
