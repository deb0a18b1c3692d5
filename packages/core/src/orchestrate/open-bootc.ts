import { applySpec } from './apply-spec.js'
import { createContext } from './context.js'
import { finalizeStaged } from './finalize.js'
import { install } from './install.js'
import { emptyState, loadState } from './load.js'
import { pinDeployment } from './pin.js'
import { pruneSysroot } from './prune.js'
import { rollback } from './rollback.js'
import { switchImage } from './switch.js'
import type { Bootc, BootcParts } from './types.js'
import { upgrade } from './upgrade.js'

/** Put a sysroot and what runs on it together. Reads nothing before the first call. */
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
    install: (options) => install(context, options),
    upgrade: (options = {}) => upgrade(context, options),
    switch: (target, options = {}) => switchImage(context, target, options),
    rollback: (options = {}) => rollback(context, options),
    applySpec: (spec, options = {}) => applySpec(context, spec, options),
    finalize: (options = {}) => finalizeStaged(context, options),
    prune: (options = {}) => pruneSysroot(context, options),
    pin: (id, pinned, options = {}) => pinDeployment(context, id, pinned, options),
    store: (name) => backends.openStore(name),
    bootloader: (name) => backends.openLoader(name),
  })
}
