import type { BootSpec } from '@bootc-sdk/core'
import type { BlsSets } from './bls-sets.js'
import type { EntrySets } from './entry-sets.js'
import { isUki, type UkiSets } from './uki-sets.js'

/**
 * Which sets say what boots: `user.cfg` as long as it has entries, else the boot entries. One file, renamed or removed,
 * makes the change from the one to the other, so that a menu with both kinds of kernels is switched as a whole.
 */
export function setsInTurn(bls: BlsSets, uki: UkiSets) {
  const isUkis = async () => (await uki.active()).length > 0
  return {
    inUse: async (): Promise<EntrySets> => ((await isUkis()) ? uki : bls),

    async setsFor(specs: readonly BootSpec[]): Promise<EntrySets> {
      if (specs.some(isUki)) return uki
      return (await isUkis()) ? afterUkis(bls, uki) : beforeUkis(bls, uki)
    },
  }
}

/** Boot entries, on a machine whose next start may have been prepared as a menu with unified images. */
function beforeUkis(bls: BlsSets, uki: UkiSets): EntrySets {
  return {
    ...bls,
    async prepare(specs, version, options) {
      await bls.prepare(specs, version, options)
      await uki.discard()
    },
  }
}

/** Boot entries that take over from `user.cfg`: all of theirs is in place before that goes. */
function afterUkis(bls: BlsSets, uki: UkiSets): EntrySets {
  return {
    ...bls,
    plan: async (specs, version) => ({ ...(await bls.plan(specs, version)), changed: true }),
    async prepare(specs, version, options) {
      await bls.makeRoom(version)
      await bls.prepare(specs, version, options)
      await uki.discard()
    },
    async switchTo(specs, version) {
      await bls.switchTo(specs, version)
      await uki.end()
    },
  }
}
