import type { Sysroot } from '@bootc-sdk/core'
import type { OstreeRepo, RepoMode } from '../repo/api.js'
import { initRepo } from '../repo/index.js'
import { makeStateroot } from './create.js'
import { cleanTemporary } from './clean-temporary.js'
import { deployRoot } from './layout.js'
import { repoPath } from './repo-path.js'

/**
 * Lay out a sysroot as `ostree admin init-fs --modern` and `stateroot-init` do, with the repository settings of
 * bootc: entries only (no boot loader configuration by libostree), /sysroot read-only when booted. Repeatable.
 */
export async function initSysroot(
  sysroot: Sysroot,
  options: { readonly mode: RepoMode; readonly stateroot: string },
): Promise<OstreeRepo> {
  const { root } = sysroot
  for (const path of ['boot', 'ostree', repoPath, deployRoot]) {
    if ((await root.stat(path)) === undefined) await root.mkdir(path, { mode: 0o755 })
  }
  await cleanTemporary(root)
  const repo = await initRepo(root.sub(repoPath), options.mode)
  const wanted = [
    ['bootloader', 'none'],
    ['readonly', 'true'],
    ...(sysroot.boot.bootPrefix === '/boot/' ? [['bootprefix', 'true']] : []),
  ] as const
  const changes = wanted.flatMap(([key, value]) =>
    repo.config('sysroot', key!) === undefined ? [{ group: 'sysroot', key: key!, value: value! }] : [],
  )
  if (changes.length > 0) await repo.setConfig(changes)
  await makeStateroot(sysroot, options.stateroot)
  return repo
}
