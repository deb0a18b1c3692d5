import { createRequire } from 'node:module'
import type { NativeAddon, NativeStatus } from './api.js'

/** What `@bootc-sdk/native/load.cjs` exports: for loaders that must be synchronous and free of a static import. */
export interface NativeLoader {
  load(): { readonly addon?: NativeAddon; readonly status: NativeStatus }
}

const require = createRequire(import.meta.url)

/** The addon, or undefined when it is not built, does not load here or is switched off. Never throws. */
export function loadAddon(): NativeAddon | undefined {
  return loader().load().addon
}

/** Whether the addon is in use and why (not); loads it when nobody has. Never throws. */
export function nativeStatus(): NativeStatus {
  return loader().load().status
}

/** The file lies one level above both src/ and dist/. */
function loader(): NativeLoader {
  return require('../load.cjs') as NativeLoader
}
