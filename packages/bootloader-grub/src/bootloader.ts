import { BootcError } from '@bootc-sdk/core'
import type { BootEntry, Bootloader, BootPlan, Sysroot } from '@bootc-sdk/core'
import { blsSets } from './bls-sets.js'
import { setsInTurn } from './sets-in-turn.js'
import type { OwnFile } from './entries.js'
import {
  canWriteEnvironment,
  cleanEnvironment,
  readEnvironment,
  writeEnvironment,
} from './environment-file.js'
import { names as variables } from './format/trial-script.js'
import { isMenuWanted, someConfigReads, type MenuMode } from './menu-wanted.js'
import { settleJournal } from './settle-journal.js'
import { endStaleTrial, endTrial, needsTrial, startTrial } from './trial-steps.js'
import { withTrial } from './trial.js'
import { ukiSets } from './uki-sets.js'

export interface GrubSettings {
  readonly menu: MenuMode
  readonly timeoutSeconds: number
}

/**
 * Entries in two sets of which one boots: files of the Boot Loader Specification with a generated menu for a GRUB
 * that does not read them, switched by a link as libostree does or exchanged as bootc's composefs backend does; or,
 * where a unified kernel image is among them, entries of `user.cfg`.
 */
export async function openGrub(
  sysroot: Sysroot,
  { menu, timeoutSeconds }: GrubSettings,
): Promise<Bootloader> {
  const { dir } = sysroot.boot
  const bls = blsSets(sysroot, menu)
  const uki = ukiSets(sysroot, bls)
  // What we generate looks at these; a configuration of somebody else may.
  const isOurs = (await isMenuWanted(sysroot, menu)) || (await uki.active()).length > 0
  const looksAt = async (variable: string) =>
    (await canWriteEnvironment(sysroot.boot)) && (isOurs || (await someConfigReads(sysroot, variable)))
  const counts = await looksAt(variables.counter)
  const once = await looksAt(variables.next)
  const { inUse, setsFor } = setsInTurn(bls, uki)

  return {
    name: 'grub',
    supports: Object.freeze({ atomic: true, uki: true, bootCounting: counts, oneShot: once }),

    async read() {
      const sets = await inUse()
      const version = await sets.version()
      const prepared = await uki.prepared()
      return {
        ...(version === undefined ? {} : { version }),
        entries: withTrial(await sets.active(), await readEnvironment(dir)),
        prepared: prepared.length === 0 ? await bls.prepared() : prepared,
      }
    },

    async plan(specs, version): Promise<BootPlan> {
      const sets = await setsFor(specs)
      const plan = await sets.plan(specs, version)
      const changed = plan.changed || (counts && (await needsTrial(dir, sets, specs)))
      return { version, specs, changed, bytesNeeded: changed ? plan.bytesNeeded : { boot: 0, esp: 0 } }
    },

    async prepare({ changed, specs, version }, lock, options = {}) {
      void lock
      if (changed) await (await setsFor(specs)).prepare(specs, version, options)
    },

    async commit({ changed, specs, version }, lock) {
      void lock
      if (!changed) return
      const sets = await setsFor(specs)
      await sets.assertPrepared(specs, version)
      if (counts) await startTrial(dir, sets, specs)
      await sets.switchTo(specs, version)
      await endStaleTrial(dir, await sets.active())
      await settleJournal(sysroot)
    },

    async prune(keep, lock) {
      void lock
      const active = (await uki.active()).map(({ entry }) => entry)
      await bls.prune([...keep, ...active])
      await uki.prune(keep)
      await cleanEnvironment(dir)
      await endStaleTrial(dir, await (await inUse()).active())
    },

    ...(counts
      ? {
          async markGood(entry: BootEntry) {
            await endTrial(dir, requireFile(await (await inUse()).active(), entry.fileName))
          },
        }
      : {}),

    ...(once
      ? {
          async bootOnce(entry: BootEntry | undefined) {
            const sets = await inUse()
            const id = entry && sets.menuId(requireFile(await sets.active(), entry.fileName))
            await writeEnvironment(dir, { [variables.next]: id })
          },
        }
      : {}),

    // Loaded when it is called: commands that only switch entries start sooner.
    programs: async (tree) => (await import('./install/install.js')).grubPrograms(sysroot, tree),

    install: async (_lock, options = {}) =>
      (await import('./install/install.js')).installGrub(sysroot, { ...options, timeoutSeconds }),
  }
}

function requireFile(active: readonly OwnFile[], fileName: string): OwnFile {
  const found = active.find((file) => file.fileName === fileName)
  if (found !== undefined) return found
  throw new BootcError('BOOT_ENTRY_NOT_FOUND', `there is no boot entry ${fileName}`, {
    details: { fileName },
  })
}
