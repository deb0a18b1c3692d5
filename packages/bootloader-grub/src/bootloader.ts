import { BootcError } from '@bootc-sdk/core'
import type { Bootloader, BootPlan, BootSpec, OpOptions, Sysroot } from '@bootc-sdk/core'
import { bytesToCopy, installFiles, missingPlacements, placementsOf } from './artifacts.js'
import { foreignFiles, holdsEntries, readEntries, renderEntries, type EntryFile } from './entries.js'
import { layoutOf, layoutWanted, type SetLayout } from './layout.js'
import { pruneVolume } from './prune.js'

/**
 * Boot Loader Specification entries as GRUB with blscfg reads them, in two sets of which one boots: either
 * switched by a link, as libostree does, or exchanged, as bootc's composefs backend does.
 */
export function openGrub(sysroot: Sysroot): Bootloader {
  const { boot } = sysroot
  const { dir } = boot
  const render = (specs: readonly BootSpec[]): EntryFile[] => renderEntries(specs, boot.bootPrefix)
  const layoutFor = (specs: readonly BootSpec[]) => layoutOf(boot, layoutWanted(specs))

  return {
    name: 'grub',
    supports: Object.freeze({ atomic: true, uki: false, bootCounting: false }),

    async read() {
      const layout = await layoutOf(boot, undefined)
      // Without the link the version is 0, as for libostree.
      const version = (await layout.version()) ?? 0
      const entries = await readEntries(dir, await layout.activeDir())
      const prepared = await readEntries(dir, layout.preparedDir(version === 0 ? 1 : 0))
      return layout.kind === 'links' ? { version, entries, prepared } : { entries, prepared }
    },

    async plan(specs, version): Promise<BootPlan> {
      const layout = await layoutFor(specs)
      const missing = await missingPlacements(dir, placementsOf(specs))
      const same =
        (await layout.isActive(version)) &&
        missing.length === 0 &&
        (await holdsEntries(dir, await layout.activeDir(), render(specs)))
      const bytes = same ? 0 : await bytesToCopy(dir, missing)
      return { version, changed: !same, bytesNeeded: { boot: bytes, esp: 0 }, specs }
    },

    async prepare(plan, lock, options = {}) {
      void lock
      if (!plan.changed) return
      const layout = await layoutFor(plan.specs)
      const missing = await missingPlacements(dir, placementsOf(plan.specs))
      await assertRoom(sysroot, await bytesToCopy(dir, missing))
      options.signal?.throwIfAborted()
      await layout.startSet(plan.version)
      await installFiles(dir, missing, options)
      await writeSet(sysroot, layout, layout.preparedDir(plan.version), render(plan.specs), options)
    },

    async commit(plan, lock) {
      void lock
      if (!plan.changed) return
      const { version } = plan
      const layout = await layoutFor(plan.specs)
      if (!(await holdsEntries(dir, layout.preparedDir(version), render(plan.specs)))) {
        throw new BootcError('BOOT_NOT_PREPARED', `entries of boot version ${version} are not prepared`, {
          details: { version },
        })
      }
      await layout.switchTo(version)
    },

    async prune(keep, lock) {
      void lock
      await pruneVolume(dir, await layoutOf(boot, undefined), keep)
    },
  }
}

async function assertRoom({ boot }: Sysroot, needBytes: number): Promise<void> {
  if (needBytes === 0) return
  const { freeBytes } = await boot.dir.space()
  if (needBytes <= freeBytes) return
  throw new BootcError('BOOT_NO_SPACE', `boot volume needs ${needBytes} bytes, has ${freeBytes}`, {
    details: { needBytes, freeBytes, volume: 'boot' },
  })
}

/** Fill an empty set, with entries of other programs from the active set beside ours. */
async function writeSet(
  { boot: { dir } }: Sysroot,
  layout: SetLayout,
  entriesDir: string,
  files: readonly EntryFile[],
  options: OpOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  for (const { fileName, text } of files) {
    await dir.write(`${entriesDir}/${fileName}`, Buffer.from(text), { mode: 0o644, atomic: false })
  }
  const active = await layout.activeDir()
  for (const name of await foreignFiles(dir, active, files)) {
    await dir.copy(`${active}/${name}`, `${entriesDir}/${name}`, { atomic: false })
  }
}
