import type { OpOptions, StoreBackend, Sysroot, Warning } from '@bootc-sdk/core'
import type { ComposefsBackendOptions } from './backend.js'
import { composefsImageStore } from './oci/index.js'
import type { ComposefsRepo } from './repo/api.js'
import { initComposefsRepo, openComposefsRepo } from './repo/index.js'
import { storeName } from './store-name.js'
import { composefsDeploymentStore } from './sysroot/deployment-store.js'
import { deployedImages } from './sysroot/deployments.js'
import { repoPath } from './sysroot/layout.js'

/** The store of a sysroot that has one. */
export async function openBackend(
  sysroot: Sysroot,
  options: ComposefsBackendOptions,
  opOptions: OpOptions = {},
): Promise<StoreBackend> {
  const { requireVerity = false } = options
  const repo = await openComposefsRepo(sysroot.root.sub(repoPath), {
    ...opOptions,
    requireVerity,
    lock: 'writing',
  })
  return backendOn(sysroot, repo, options)
}

/** The store of a sysroot that gets one now. */
export async function initBackend(
  sysroot: Sysroot,
  options: ComposefsBackendOptions,
  { signal, onProgress }: OpOptions = {},
): Promise<StoreBackend> {
  const { initSysroot } = await import('./sysroot/init.js')
  await initSysroot(sysroot)
  const { algorithm, erofsVersion, requireVerity = false, allowMissingVerity = false } = options
  const repo = await initComposefsRepo(sysroot.root.sub(repoPath), {
    ...{ algorithm, erofsVersion, signal, onProgress },
    ...(requireVerity ? { requireVerity } : allowMissingVerity ? { requireVerity: false } : {}),
    lock: 'writing',
  })
  return backendOn(sysroot, repo, options)
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
