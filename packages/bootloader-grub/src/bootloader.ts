import { BootcError } from '@bootc-sdk/core'
import type { Bootloader, BootPlan, BootSpec, BootVersion, OpOptions, Sysroot } from '@bootc-sdk/core'
import { bytesToCopy, installFiles, missingPlacements, placementsOf } from './artifacts.js'
import { foreignFiles, holdsEntries, readEntries, renderEntries, type EntryFile } from './entries.js'
import { pruneVolume } from './prune.js'
import {
  activeVersion,
  assertLinks,
  ensureSelfLink,
  entriesDir,
  otherVersion,
  setDir,
  switchActive,
} from './volume.js'

/**
 * Boot Loader Specification entries in two sets, `loader.0` and `loader.1`, switched by one link: what
 * libostree writes and GRUB with blscfg reads.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c (write_deployments_bootswap)
 */
export function openGrub(sysroot: Sysroot): Bootloader {
  const { boot } = sysroot
  const { dir } = boot
  const render = (specs: readonly BootSpec[]): EntryFile[] => renderEntries(specs, boot.bootPrefix)

  return {
    name: 'grub',
    supports: Object.freeze({ atomic: true, uki: false, bootCounting: false }),

    async read() {
      // Without the link the version is 0, as for libostree.
      const version = (await activeVersion(dir)) ?? 0
      const entries = await readEntries(dir, version)
      return { version, entries, prepared: await readEntries(dir, otherVersion(version)) }
    },

    async plan(specs, version): Promise<BootPlan> {
      assertLinks(boot)
      const active = await activeVersion(dir)
      const missing = await missingPlacements(dir, placementsOf(specs))
      const same =
        active === version && missing.length === 0 && (await holdsEntries(dir, version, render(specs)))
      const bytes = same ? 0 : await bytesToCopy(dir, missing)
      return { version, changed: !same, bytesNeeded: { boot: bytes, esp: 0 }, specs }
    },

    async prepare(plan, lock, options = {}) {
      void lock
      if (!plan.changed) return
      assertLinks(boot)
      await assertInactive(sysroot, plan.version)
      const missing = await missingPlacements(dir, placementsOf(plan.specs))
      await assertRoom(sysroot, await bytesToCopy(dir, missing))
      await ensureSelfLink(dir)
      await installFiles(dir, missing, options)
      await writeSet(sysroot, plan.version, render(plan.specs), options)
    },

    async commit(plan, lock) {
      void lock
      if (!plan.changed) return
      if (!(await holdsEntries(dir, plan.version, render(plan.specs)))) {
        const { version } = plan
        throw new BootcError('BOOT_NOT_PREPARED', `entries of boot version ${version} are not prepared`, {
          details: { version },
        })
      }
      await switchActive(dir, plan.version)
    },

    async prune(keep, lock) {
      void lock
      await pruneVolume(dir, keep)
    },
  }
}

/** The active set is what boots next; writing into it would show a half-written list to a power cut. */
async function assertInactive({ boot }: Sysroot, version: BootVersion): Promise<void> {
  if ((await activeVersion(boot.dir)) !== version) return
  throw new BootcError('BOOT_VERSION_ACTIVE', `boot version ${version} is active and cannot be rewritten`, {
    details: { version },
  })
}

async function assertRoom({ boot }: Sysroot, needBytes: number): Promise<void> {
  if (needBytes === 0) return
  const { freeBytes } = await boot.dir.space()
  if (needBytes <= freeBytes) return
  throw new BootcError('BOOT_NO_SPACE', `boot volume needs ${needBytes} bytes, has ${freeBytes}`, {
    details: { needBytes, freeBytes, volume: 'boot' },
  })
}

/** Write a set from nothing, with entries of other programs from the active set beside ours. */
async function writeSet(
  { boot: { dir } }: Sysroot,
  version: BootVersion,
  files: readonly EntryFile[],
  options: OpOptions,
): Promise<void> {
  options.signal?.throwIfAborted()
  await dir.remove(setDir(version))
  await dir.mkdir(setDir(version), { mode: 0o755 })
  await dir.mkdir(entriesDir(version), { mode: 0o755 })
  for (const { fileName, text } of files) {
    await dir.write(`${entriesDir(version)}/${fileName}`, Buffer.from(text), { mode: 0o644, atomic: false })
  }
  const active = await activeVersion(dir)
  if (active === undefined) return
  for (const name of await foreignFiles(dir, active, files)) {
    await dir.copy(`${entriesDir(active)}/${name}`, `${entriesDir(version)}/${name}`, { atomic: false })
  }
}
