import type { Provider, StoreBackend, Sysroot } from '../../interfaces/index.js'
import { joinPath } from '../../names/index.js'
import { hasStore, memoryDeployments } from './deployment-store.js'
import { makeDirs, storeDir, storeDirs } from './files.js'
import { memoryImageStore } from './image-store.js'

/**
 * A small store that keeps all promises of the interfaces, on any `Dir`: the smallest complete example of a
 * backend, and a fake for tests of what runs on stores.
 *
 * @param options `relink` (default false): boot entries lead to deployments through links, as with OSTree
 */
export function memoryBackend(options: { relink?: boolean } = {}): Provider<StoreBackend> {
  const { relink = false } = options
  const open = (sysroot: Sysroot): StoreBackend => {
    const store = sysroot.root.sub(storeDir)
    return Object.freeze({
      name: 'memory',
      images: memoryImageStore(store),
      deployments: memoryDeployments(store, sysroot, relink),
    })
  }
  return Object.freeze<Provider<StoreBackend>>({
    name: 'memory',
    apiVersion: 1,
    detect: async (sysroot) =>
      (await hasStore(sysroot)) ? { evidence: `directory ${storeDir}/deploy exists` } : undefined,
    open: async (sysroot) => open(sysroot),
    async init(sysroot) {
      for (const name of storeDirs) await makeDirs(sysroot.root, joinPath(storeDir, name))
      await sysroot.root.sync()
      return open(sysroot)
    },
  })
}
