import { createContext } from './context.js'
import { emptyState, loadState } from './load.js'
import type { Bootc, BootcParts } from './types.js'

/**
 * Put a sysroot and what runs on it together. Reads nothing before the first call; what changes things is
 * loaded when it is called, because `status` as a process must start quickly.
 */
export function openBootc(parts: BootcParts): Promise<Bootc> {
  const context = createContext(parts)
  const { sysroot, backends } = context
  return Promise.resolve({
    sysroot,
    async status(options = {}) {
      options.signal?.throwIfAborted()
      const current = await backends.current()
      return current === undefined ? emptyState(sysroot) : loadState(sysroot, current)
    },
    install: async (options) => (await import('./install.js')).install(context, options),
    upgrade: async (options = {}) => (await import('./upgrade.js')).upgrade(context, options),
    switch: async (target, options = {}) =>
      (await import('./switch.js')).switchImage(context, target, options),
    planMove: async (store, options = {}) =>
      (await import('./move-store.js')).planMove(context, store, options),
    moveToStore: async (store, options = {}) =>
      (await import('./move-store.js')).moveToStore(context, store, options),
    rollback: async (options = {}) => (await import('./rollback.js')).rollback(context, options),
    applySpec: async (spec, options = {}) =>
      (await import('./apply-spec.js')).applySpec(context, spec, options),
    finalize: async (options = {}) => (await import('./finalize.js')).finalizeStaged(context, options),
    prepareSoftReboot: async (id, options = {}) =>
      (await import('./soft-reboot-queue.js')).prepareSoftReboot(context, id, options),
    resetSoftReboot: async (options = {}) =>
      (await import('./soft-reboot-queue.js')).resetSoftReboot(context, options),
    prune: async (options = {}) => (await import('./prune.js')).pruneSysroot(context, options),
    bootCheck: async (options) => (await import('./boot-check.js')).bootCheck(context, options),
    pin: async (id, pinned, options = {}) =>
      (await import('./pin.js')).pinDeployment(context, id, pinned, options),
    kargs: async (options = {}) => (await import('./edit-kargs.js')).readKargs(context, options),
    editKargs: async (options) => (await import('./edit-kargs.js')).changeKargsByHand(context, options),
    setKargsForSource: async (source, kargs, options = {}) =>
      (await import('./edit-kargs.js')).changeKargsForSource(context, source, kargs, options),
    loaderStatus: async (options = {}) => (await import('./loader-update.js')).loaderStatus(context, options),
    updateLoader: async (options = {}) => (await import('./loader-update.js')).updateLoader(context, options),
    entries: async (options = {}) => (await import('./entries.js')).listEntries(context, options),
    bootOnce: async (which, options = {}) =>
      (await import('./entries.js')).bootEntryOnce(context, which, options),
    boundImages: async (options = {}) =>
      (await import('./bound-images.js')).listBoundImages(context, options),
    store: (name) => backends.openStore(name),
    bootloader: (name) => backends.openLoader(name),
  })
}
