import { BootcError } from '@bootc-sdk/core'
import type { BootEntry, Bootloader, BootPlan, BootSpec, Dir, Sysroot } from '@bootc-sdk/core'
import { parseBootCount } from '@bootc-sdk/core/bls'
import { copyToFat, missingOnFat } from '@bootc-sdk/core/boot-kit'
import { placementsOf } from './artifacts.js'
import { entriesDir, readEntries, readSet, renderEntries, sameSet, stagedDir } from './entries.js'
import { installedVersion } from './installed.js'
import { readActive } from './journal.js'
import { bootOnce } from './one-shot.js'
import { filesOf, pruneVolume } from './prune.js'
import { recover, switchTo, writeStaged } from './switch.js'
import type { BootVolumes } from './volume.js'

export interface LoaderParts {
  readonly sysroot: Sysroot
  readonly volumes: BootVolumes
  /** EFI variables of the running machine. */
  readonly efivars?: Dir | undefined
}

/** Entries of the Boot Loader Specification on a FAT volume, as systemd-boot reads them. */
export function openSystemdBoot({ sysroot, volumes, efivars }: LoaderParts): Bootloader {
  const { role } = volumes
  const { dir } = volumes.entries
  const render = async (specs: readonly BootSpec[]) =>
    renderEntries(specs, { ukiKey: await ukiKeyFor(volumes, specs) })
  const missingOf = async (specs: readonly BootSpec[]) => {
    const active = await readActive(dir)
    const trusted = filesOf(await readEntries(dir, active.files))
    return missingOnFat(dir, placementsOf(specs), trusted)
  }

  return {
    name: 'systemd-boot',
    supports: Object.freeze({
      atomic: dir.supports.exchange,
      uki: true,
      bootCounting: true,
      oneShot: true,
    }),

    async read() {
      const [active, staged] = [await readActive(dir), await readSet(dir, stagedDir)]
      return {
        entries: await readEntries(dir, active.files),
        // After a cut it may be what a change was made from.
        prepared: active.unfinished ? [] : await readEntries(dir, staged.own),
      }
    },

    async plan(specs, version): Promise<BootPlan> {
      const missing = await missingOf(specs)
      const active = await readActive(dir)
      const same = !active.unfinished && missing.length === 0 && sameSet(active.files, await render(specs))
      const bytes = missing.reduce((sum, { file }) => sum + file.sizeBytes, 0)
      return { version, changed: !same, bytesNeeded: { boot: 0, esp: 0, [role]: bytes }, specs }
    },

    async prepare(plan, lock, options = {}) {
      void lock
      if (!plan.changed) return
      options.signal?.throwIfAborted()
      await recover(dir)
      const missing = await missingOf(plan.specs)
      await assertRoom(
        volumes,
        missing.reduce((sum, { file }) => sum + file.sizeBytes, 0),
      )
      await copyToFat(dir, missing, options)
      options.signal?.throwIfAborted()
      await writeStaged(dir, await render(plan.specs), await readActive(dir))
    },

    async commit(plan, lock) {
      void lock
      if (!plan.changed) return
      const files = await render(plan.specs)
      if (!sameSet((await readSet(dir, stagedDir)).own, files)) {
        const { version } = plan
        throw new BootcError('BOOT_NOT_PREPARED', 'the boot entries of this plan are not prepared', {
          details: { version },
        })
      }
      await switchTo(dir, files)
    },

    async prune(keep, lock) {
      void lock
      await pruneVolume(dir, keep)
    },

    async markGood(entry, lock) {
      void lock
      const { fileName } = await activeFile(dir, entry)
      const { name } = parseBootCount(fileName)
      if (name === fileName) return
      await dir.rename(`${entriesDir}/${fileName}`, `${entriesDir}/${name}`)
      await dir.sync()
    },

    async bootOnce(entry, lock) {
      void lock
      const id = entry === undefined ? undefined : (await activeFile(dir, entry)).id
      await bootOnce(id, { host: sysroot.host, efivars, esp: volumes.esps[0] })
    },

    // Loaded when it is called: commands that only switch entries start sooner.
    programs: async (tree) => (await import('./install.js')).loaderPrograms(volumes, tree),

    async install(lock, options = {}) {
      void lock
      return (await import('./install.js')).installLoader(sysroot.host, volumes, options)
    },
  }
}

/** The file of an entry now: the loader may have counted since it was read. @throws `BOOT_ENTRY_NOT_FOUND` */
async function activeFile(dir: Dir, { fileName }: BootEntry) {
  const { name } = parseBootCount(fileName)
  const { own } = await readSet(dir, entriesDir)
  const found = own.find(({ id }) => id === name)
  if (found !== undefined) return found
  throw new BootcError('BOOT_ENTRY_NOT_FOUND', `there is no boot entry ${name}`, { details: { fileName } })
}

/** Unknown keys make an entry without a kernel, which is left out of the menu: the old key is the safe one. */
async function ukiKeyFor(volumes: BootVolumes, specs: readonly BootSpec[]): Promise<'efi' | 'uki'> {
  if (!specs.some(({ artifact }) => artifact.kind === 'uki')) return 'efi'
  const version = await installedVersion(volumes.esps)
  return version !== undefined && Number.parseInt(version, 10) >= 258 ? 'uki' : 'efi'
}

async function assertRoom({ entries, role }: BootVolumes, needBytes: number): Promise<void> {
  if (needBytes === 0) return
  const { freeBytes } = await entries.dir.space()
  if (needBytes <= freeBytes) return
  throw new BootcError('BOOT_NO_SPACE', `${role} volume needs ${needBytes} bytes, has ${freeBytes}`, {
    details: { needBytes, freeBytes, volume: role },
  })
}
