export { composefsImageStore, type ComposefsImageStore } from './image-store.js'
export type { ComposefsImageStoreOptions, DeployedImage } from './settings.js'
