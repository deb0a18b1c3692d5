import { createRequire } from 'node:module'
import type { NativeAddon, NativeLoader, NativeStatus } from '@bootc-sdk/native'

let found: NativeLoader | undefined

/**
 * The native addon, or undefined when its package is not installed, not built, or switched off with
 * `BOOTC_SDK_NATIVE=0`. Synchronous; nothing is loaded before the first call. Never throws.
 */
export function getNative(): NativeAddon | undefined {
  return loader().load().addon
}

/** Whether the addon is in use and why (not). Never throws. */
export function nativeStatus(): NativeStatus {
  return loader().load().status
}

function loader(): NativeLoader {
  return (found ??= findLoader())
}

function findLoader(): NativeLoader {
  const without = (reason: string): NativeLoader => ({
    load: () => ({ status: { available: false, reason } }),
  })
  if (process.env.BOOTC_SDK_NATIVE === '0') return without('disabled by BOOTC_SDK_NATIVE=0')
  try {
    // An optional peer: a static import would make it mandatory, and `import()` would make callers asynchronous.
    return createRequire(import.meta.url)('@bootc-sdk/native/load.cjs') as NativeLoader
  } catch {
    return without('package @bootc-sdk/native is not installed')
  }
}
