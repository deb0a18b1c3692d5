export { containersStorageTransport, type ContainersStorageOptions } from './transport.js'
export { loadStorageConf, type StorageConf } from './storage-conf.js'
