import { BootcError } from '@bootc-sdk/core'
import type { BootEntry, Bootloader, BootPlan, BootSpec, Sysroot } from '@bootc-sdk/core'
import { blsSets } from './bls-sets.js'
import type { OwnFile } from './entries.js'
import type { EntrySets } from './entry-sets.js'
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
 * that does not read them, switched by a link as libostree does or exchanged as bootc's composefs backend does; or
 * unified kernel images, which are entries of `user.cfg`.
 */
export async function openGrub(
  sysroot: Sysroot,
  { menu, timeoutSeconds }: GrubSettings,
): Promise<Bootloader> {
  const { dir } = sysroot.boot
  const bls = blsSets(sysroot, menu)
  const uki = ukiSets(sysroot)
  // What we generate looks at these; a configuration of somebody else may.
  const isOurs = (await isMenuWanted(sysroot, menu)) || (await uki.active()).length > 0
  const looksAt = async (variable: string) =>
    (await canWriteEnvironment(sysroot.boot)) && (isOurs || (await someConfigReads(sysroot, variable)))
  const counts = await looksAt(variables.counter)
  const once = await looksAt(variables.next)
  const inUse = async () => ((await uki.active()).length > 0 ? uki : bls)
  const setsFor = (specs: readonly BootSpec[]) => chooseSets(specs, { bls, uki })
  const findFile = async (sets: EntrySets, { fileName }: BootEntry) =>
    requireFile(await sets.active(), fileName)

  return {
    name: 'grub',
    supports: Object.freeze({ atomic: true, uki: true, bootCounting: counts, oneShot: once }),

    async read() {
      const sets = await inUse()
      const active = await sets.active()
      const version = await sets.version()
      const prepared = await sets.prepared()
      return {
        ...(version === undefined ? {} : { version }),
        entries: withTrial(active, await readEnvironment(dir)),
        prepared: active.length === 0 && prepared.length === 0 ? await uki.prepared() : prepared,
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
      await bls.prune(keep)
      await uki.prune(keep)
      await cleanEnvironment(dir)
      await endStaleTrial(dir, await (await inUse()).active())
    },

    ...(counts
      ? {
          async markGood(entry: BootEntry) {
            await endTrial(dir, await findFile(await inUse(), entry))
          },
        }
      : {}),

    ...(once
      ? {
          async bootOnce(entry: BootEntry | undefined) {
            const sets = await inUse()
            const id = entry && sets.menuId(await findFile(sets, entry))
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

/**
 * @throws BootcError `BOOT_UNSUPPORTED_ARTIFACT` for a list of both kinds, or of the other kind than what boots now:
 *   GRUB has no single switch for both
 */
async function chooseSets(
  specs: readonly BootSpec[],
  { bls, uki }: { readonly bls: EntrySets; readonly uki: EntrySets },
): Promise<EntrySets> {
  const kinds = new Set(specs.map(({ artifact }) => artifact.kind))
  const [wanted, other] = kinds.has('uki') ? [uki, bls] : [bls, uki]
  const isOther = specs.length > 0 && (await other.active()).length > 0
  if (kinds.size < 2 && !isOther) return specs.length > 0 || (await uki.active()).length === 0 ? wanted : uki
  throw new BootcError(
    'BOOT_UNSUPPORTED_ARTIFACT',
    'GRUB boots either unified kernel images or kernels with an initramfs from a boot volume, not both',
    { details: { kinds: [...kinds] } },
  )
}

function requireFile(active: readonly OwnFile[], fileName: string): OwnFile {
  const found = active.find((file) => file.fileName === fileName)
  if (found !== undefined) return found
  throw new BootcError('BOOT_ENTRY_NOT_FOUND', `there is no boot entry ${fileName}`, {
    details: { fileName },
  })
}
