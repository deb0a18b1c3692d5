export type * from './api.js'
export { loadAddon, nativeStatus, type NativeLoader } from './load-addon.js'
