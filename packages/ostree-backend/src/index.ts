export * from './repo/index.js'
export { ostreeBackend, type OstreeBackendOptions } from './backend.js'
export { ostreeImageStore, type OstreeImageStoreOptions } from './container/image-store.js'
