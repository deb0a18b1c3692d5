import type { ReadTree, StoredImage } from '../interfaces/index.js'
import type { Context } from './context.js'
import { alephPath, printAleph, type AlephSelinux } from './aleph.js'
import type { InstallOptions } from './install-types.js'

/** Its presence has a unit delete what the root held before, at the next boot. */
export const cleanupStamp = 'etc/bootc-destructive-cleanup'

/** Files beside the deployments that tell of the installation. */
export async function writeRecords(
  { sysroot }: Pick<Context, 'sysroot'>,
  image: StoredImage,
  tree: Pick<ReadTree, 'stat'>,
  options: InstallOptions,
): Promise<void> {
  const { root } = sysroot
  if (options.aleph !== false) {
    const { source, target = source, aleph = {} } = options
    const kernel = aleph.kernel ?? (await kernelRelease(sysroot, options))
    const selinux = await selinuxState(tree, options)
    const text = printAleph({ source, target, image, kernel, selinux })
    // Under its name at once, as everything here: an installation that is cut off is made again, and a temporary file
    // would stay.
    await root.write(alephPath, Buffer.from(text), { mode: 0o644, atomic: false })
  }
  if (options.cleanup !== true) return
  if ((await root.stat('etc')) === undefined) await root.mkdir('etc', { mode: 0o755 })
  await root.write(cleanupStamp, new Uint8Array(), { mode: 0o644, atomic: false })
}

async function kernelRelease({ host }: Context['sysroot'], { signal }: InstallOptions): Promise<string> {
  try {
    const { code, stdout } = await host.run(['uname', '-r'], { signal })
    return code === 0 ? stdout.trim() : 'unknown'
  } catch {
    signal?.throwIfAborted()
    return 'unknown'
  }
}

/** Labels are written whatever the host has; bootc needs SELinux there for it, and says so in this word. */
async function selinuxState(
  tree: Pick<ReadTree, 'stat'>,
  { disableSelinux = false, aleph = {} }: InstallOptions,
): Promise<AlephSelinux> {
  if (!(await hasPolicy(tree))) return 'disabled'
  if (disableSelinux) return 'force-target-disabled'
  return aleph !== false && aleph.hostSelinux === true ? 'enabled' : 'host-disabled'
}

/** Does the image have an SELinux policy? */
export async function hasPolicy(tree: Pick<ReadTree, 'stat'>): Promise<boolean> {
  for (const etc of ['usr/etc', 'etc']) {
    if ((await tree.stat(etc))?.type !== 'directory') continue
    if ((await tree.stat(`${etc}/selinux`))?.type !== 'directory') continue
    if ((await tree.stat(`${etc}/selinux/config`)) !== undefined) return true
  }
  return false
}
