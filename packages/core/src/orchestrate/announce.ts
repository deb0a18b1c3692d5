import type { Digest, Sysroot, Warning } from '../interfaces/index.js'

/**
 * Directories whose modification time tells other programs that the status changed. With the composefs store the
 * first is a link to the second.
 */
const triggers = ['ostree/bootc', 'composefs/bootc'] as const

/** Let other software notice a changed status (path units watch these). */
export async function touchTrigger(sysroot: Sysroot): Promise<void> {
  for (const trigger of triggers) {
    if ((await sysroot.root.stat(trigger))?.type !== 'directory') continue
    await sysroot.root.setMeta(trigger, { mtime: sysroot.host.now() / 1000 })
  }
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

/** What happens after the visible step is reported, not thrown. */
export async function afterwards(run: () => Promise<void>): Promise<Warning[]> {
  try {
    await run()
    return []
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return [{ code: 'announce:failed', message: `other software was not told: ${message}` }]
  }
}
