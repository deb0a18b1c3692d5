import type { Sysroot } from '@bootc-sdk/core'
import { ensureDirs } from './ensure-dirs.js'
import { deployRoot, repoPath, varPath } from './layout.js'
import { parentPath } from '@bootc-sdk/core/names'

/** Storage of app images, which other tools look for where OSTree systems have it. */
const bootcDir = `${repoPath}/bootc`
const bootcLink = 'ostree/bootc'

/**
 * Directories of a sysroot, as bootc's install makes them. Repeatable.
 *
 * @see bootc 1.16.9 crates/lib/src/store/mod.rs, ensure_composefs_bootc_link
 */
export async function initSysroot({ root }: Pick<Sysroot, 'root'>): Promise<void> {
  await ensureDirs(root, 'boot')
  if ((await root.stat(repoPath)) === undefined) await root.mkdir(repoPath, { mode: 0o700 })
  for (const path of [deployRoot, parentPath(varPath), bootcDir, 'ostree']) await ensureDirs(root, path)
  if (root.supports.symlink && (await root.stat(bootcLink)) === undefined) {
    await root.symlink(`../${bootcDir}`, bootcLink)
  }
}
