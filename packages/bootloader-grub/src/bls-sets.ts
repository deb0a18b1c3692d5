import type { BootSpec, BootVersion, Sysroot } from '@bootc-sdk/core'
import { bytesToCopy, installFiles, missingPlacements, placementsOf } from './artifacts.js'
import { readSet, renderEntries } from './entries.js'
import { assertRoom, notPrepared, type EntrySets } from './entry-sets.js'
import { menuId } from './format/quote.js'
import { layoutOf, layoutWanted, type SetLayout } from './layout.js'
import type { MenuMode } from './menu-wanted.js'
import { pruneVolume } from './prune.js'
import { contentsFor, holdsContents, writeContents } from './set-contents.js'

export interface BlsSets extends EntrySets {
  /**
   * Where `user.cfg` says what boots, the set that the link names does not: let a set of this version be prepared,
   * whichever the link names. Entries of other programs stay where GRUB reads them.
   */
  makeRoom(version: BootVersion): Promise<void>
}

/** Entries as files on the boot volume, with a generated menu beside them for a GRUB without blscfg. */
export function blsSets(sysroot: Sysroot, mode: MenuMode): BlsSets {
  const { boot } = sysroot
  const { dir } = boot
  const layoutFor = (specs: readonly BootSpec[]) =>
    layoutOf(boot, specs.length === 0 ? undefined : layoutWanted(specs))
  const contents = (layout: SetLayout, specs: readonly BootSpec[]) =>
    contentsFor(sysroot, layout, specs, mode)

  return {
    async version() {
      const layout = await layoutOf(boot, undefined)
      // Without the link the version is 0, as for libostree.
      return layout.kind === 'links' ? ((await layout.version()) ?? 0) : undefined
    },

    async active() {
      const layout = await layoutOf(boot, undefined)
      return (await readSet(dir, await layout.activeDir())).own
    },

    async prepared() {
      const layout = await layoutOf(boot, undefined)
      const other = ((await layout.version()) ?? 0) === 0 ? 1 : 0
      return (await readSet(dir, layout.preparedDir(other))).own.map(({ entry }) => entry)
    },

    async plan(specs, version) {
      const layout = await layoutFor(specs)
      const missing = await missingPlacements(dir, placementsOf(specs))
      const same =
        (await layout.isActive(version)) &&
        missing.length === 0 &&
        (await holdsContents(dir, await layout.activeDir(), await contents(layout, specs)))
      return { changed: !same, bytesNeeded: { boot: await bytesToCopy(dir, missing), esp: 0 } }
    },

    firstText: (specs) => Promise.resolve(renderEntries(specs, boot.bootPrefix)[0]!.text),

    async prepare(specs, version, options) {
      const layout = await layoutFor(specs)
      const missing = await missingPlacements(dir, placementsOf(specs))
      const needBytes = await bytesToCopy(dir, missing)
      if (needBytes > 0) assertRoom('boot', needBytes, (await dir.space()).freeBytes)
      options.signal?.throwIfAborted()
      const wanted = await contents(layout, specs)
      await layout.startSet(version)
      await installFiles(dir, missing, options)
      options.signal?.throwIfAborted()
      await writeContents(dir, layout, layout.preparedDir(version), wanted)
    },

    async assertPrepared(specs, version) {
      const layout = await layoutFor(specs)
      const wanted = await contents(layout, specs)
      if (!(await holdsContents(dir, layout.preparedDir(version), wanted))) throw notPrepared(version)
    },

    async switchTo(specs, version) {
      await (await layoutFor(specs)).switchTo(version)
    },

    async makeRoom(version) {
      const layout = await layoutOf(boot, undefined)
      if (layout.kind !== 'links' || (await layout.version()) !== version) return
      const other = version === 0 ? 1 : 0
      const { foreign } = await readSet(dir, await layout.activeDir())
      await layout.startSet(other)
      const kept = foreign.map(({ fileName }) => fileName)
      await writeContents(dir, layout, layout.preparedDir(other), { files: [], kept })
      await layout.switchTo(other)
    },

    async prune(keep) {
      await pruneVolume(dir, await layoutOf(boot, undefined), keep)
    },

    menuId: ({ fileName }) => menuId(fileName),
  }
}
