import type { Digest, Sysroot } from '../interfaces/index.js'

/** Directory whose modification time tells other programs that the status changed. */
const trigger = 'ostree/bootc'

/** Let other software notice a changed status (`bootc-status-updated.path` watches this). */
export async function touchTrigger(sysroot: Sysroot): Promise<void> {
  const found = await sysroot.root.stat(trigger)
  if (found === undefined || found.type === 'symlink') return
  await sysroot.root.setMeta(trigger, { mtime: sysroot.host.now() / 1000 })
}

/**
 * Tell the rest of a running system that a reboot will change what runs: `/run/reboot-required`, read by
 * kured and others, without a newline as bootc writes it; and the trigger above.
 */
export async function announce(sysroot: Sysroot, manifestDigest: Digest | undefined): Promise<void> {
  if (sysroot.live && manifestDigest !== undefined) {
    const text = `bootc: Reboot required for image: ${manifestDigest}`
    await sysroot.run.write('reboot-required', Buffer.from(text), { mode: 0o644 })
  }
  await touchTrigger(sysroot)
}

/** Where libostree leaves the message of a failed finalize for the next boot to report. */
const failureStamp = 'ostree/finalize-failure.stamp'

/** Leave word of a failed finalize on the boot volume; at shutdown nobody reads the console any more. */
export async function announceFinalizeFailure(sysroot: Sysroot, error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error)
  try {
    if ((await sysroot.boot.dir.stat('ostree')) === undefined) return
    await sysroot.boot.dir.write(failureStamp, Buffer.from(message), { mode: 0o644 })
    await sysroot.boot.dir.sync()
  } catch {
    // The finalize's own failure is what matters, and it is being thrown.
  }
}
