import type { BoundImageStore, ImageStore, Sysroot } from '../interfaces/index.js'
import { makeDirs, storeDirs } from './memory-store/files.js'
import { memoryImageStore } from './memory-store/image-store.js'

const place = 'bound'

/** Bound images on any `Dir`, in the format of the memory backend. */
export function memoryBoundImages(): BoundImageStore {
  const open = ({ root }: Sysroot): ImageStore => memoryImageStore(root.sub(place))
  return Object.freeze<BoundImageStore>({
    name: 'memory',
    open: async (sysroot) => ((await sysroot.root.stat(place)) === undefined ? undefined : open(sysroot)),
    async init(sysroot) {
      for (const name of storeDirs) await makeDirs(sysroot.root, `${place}/${name}`)
      await sysroot.root.sync()
      return open(sysroot)
    },
  })
}
