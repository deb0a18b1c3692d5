import type { BoundImageStore } from '@bootc-sdk/core'

/** Podman's storage below the sysroot; loaded when an image turns out to be bound to others. */
export function boundImages(): BoundImageStore {
  const load = async () => (await import('@bootc-sdk/containers-storage')).boundImageStorage()
  return {
    name: 'containers-storage',
    open: async (sysroot) => (await load()).open(sysroot),
    init: async (sysroot, lock, options) => (await load()).init(sysroot, lock, options),
  }
}
