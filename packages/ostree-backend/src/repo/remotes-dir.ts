import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RepoConfig } from './config.js'
import type { OstreeRepo } from './api.js'
import { readRemote, remoteProblem, type RemoteConfig } from './remote-config.js'
import { Repo } from './repo.js'

const repoInSysroot = '/ostree/repo'

/**
 * Where a system's repository has remotes besides those of its own configuration; undefined for other repositories.
 *
 * @param systemRoot stands for the physical root that runs
 */
export function remotesDirOf({ dir }: Pick<OstreeRepo, 'dir'>, systemRoot = '/'): string | undefined {
  const path = dir.hostPath
  if (path === undefined || !path.endsWith(repoInSysroot)) return undefined
  const sysroot = path.slice(0, -repoInSysroot.length)
  const root = sysroot === '/sysroot' || sysroot === '' ? systemRoot : sysroot
  return join(root, 'etc/ostree/remotes.d')
}

/**
 * A remote of the repository's configuration, else of a file in `remotes.d`.
 *
 * @throws BootcError `STORE_OSTREE_REMOTE`
 */
export async function findRemote(
  repo: OstreeRepo,
  name: string,
  options: { readonly systemRoot?: string } = {},
): Promise<RemoteConfig> {
  if (!(repo instanceof Repo)) throw remoteProblem(name, 'not a repository of this package')
  const { config } = repo.context
  if (config.remotes().includes(name)) return readRemote(config, name)
  const dir = remotesDirOf(repo, options.systemRoot)
  for (const file of dir === undefined ? [] : await confFiles(dir)) {
    const own = new RepoConfig(await readFile(file, 'utf8'))
    if (own.remotes().includes(name)) return readRemote(own, name)
  }
  throw remoteProblem(name, 'not configured')
}

async function confFiles(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
  return names
    .filter((name) => name.endsWith('.conf'))
    .sort()
    .map((name) => join(dir, name))
}
