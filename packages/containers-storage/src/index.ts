export {
  containersStorageTransport,
  type ContainersStorageOptions,
  type ContainersStorageTransport,
} from './transport.js'
export { loadStorageConf, type StorageConf } from './storage-conf.js'
export { boundImageStorage } from './bound-image-storage.js'
export { containersStorageDestination, type ContainersStorageDestinationOptions } from './destination.js'
export { containersImageStore, type ContainersImageStoreOptions } from './write/image-store.js'
