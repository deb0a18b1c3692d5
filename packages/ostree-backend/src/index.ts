export * from './repo/index.js'
export * from './delta/index.js'
export * from './trust/index.js'
export { ostreeBackend, type OstreeBackendOptions } from './backend.js'
export { checkContainerConfig } from './container/export/container-config.js'
export { parseContentMeta, type ContentComponent, type ContentMeta } from './container/export/content-meta.js'
export {
  encapsulate,
  type EncapsulateEvent,
  type EncapsulateOptions,
} from './container/export/encapsulate.js'
export {
  exportImage,
  type ExportedImage,
  type ExportedLayer,
  type ExportImageOptions,
} from './container/export/export-image.js'
export { alwaysChanges } from './container/export/packing.js'
export { ostreeImageStore, type OstreeImageStoreOptions } from './container/image-store.js'
export { escapeForRef, imageRef, layerRef, unescapeFromRef } from './container/ref-escape.js'
export type { ComposefsFormat } from './sysroot/composefs-image.js'
export { mergeDeployment } from './sysroot/merge-deployment.js'
