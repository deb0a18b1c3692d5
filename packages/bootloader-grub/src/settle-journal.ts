import type { Sysroot } from '@bootc-sdk/core'

/** File systems with a journal that GRUB does not replay. */
const journalling = ['ext3', 'ext4', 'xfs']

/**
 * Bring what the journal of the boot volume holds to its place, as libostree does: a sync makes it safe for Linux,
 * which replays the journal, and GRUB reads the places only. Freezing does it. One shell does both halves and ignores
 * signals, for a file system that stays frozen stops the machine. Where it cannot be done, as on a volume that is
 * unmounted before it boots, nothing is lost but this.
 *
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, fsfreeze_thaw_cycle
 */
export async function settleJournal({ host, live, boot }: Sysroot): Promise<void> {
  const path = boot.dir.hostPath
  if (!live || path === undefined || !host.supports.root || !journalling.includes(boot.fsType)) return
  const script = `trap '' HUP INT TERM; fsfreeze --freeze "$1" && fsfreeze --unfreeze "$1"`
  await host.run(['sh', '-c', script, 'sh', path]).catch(() => undefined)
}
