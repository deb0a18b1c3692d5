export { containersStorageTransport, type ContainersStorageOptions } from './transport.js'
export { loadStorageConf, type StorageConf } from './storage-conf.js'
export { containersImageStore, type ContainersImageStoreOptions } from './write/image-store.js'
