import { resolve } from 'node:path'
import { BootcError, isBootcError, type Dir } from '@bootc-sdk/core'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import type { NativeAddon } from '@bootc-sdk/native'
import { invalid } from '../format/errors.js'
import type { OstreeRepo, RepoMode } from './api.js'
import { RepoConfig } from './config.js'
import { nativeAccess } from '@bootc-sdk/core/store-kit'
import { ensureDir, readFile } from './io.js'
import { Repo } from './repo.js'

export interface OpenRepoOptions {
  /** The addon to use; false for none. Default: `getNative()`. Both ways give the same objects. */
  readonly native?: NativeAddon | false | undefined
  /** Searched when an object is missing here. */
  readonly parent?: OstreeRepo | undefined
}

export interface InitRepoOptions extends OpenRepoOptions {
  readonly collectionId?: string
}

const maxConfigBytes = 1024 * 1024
const maxParents = 16

/**
 * Open an OSTree repository.
 *
 * @throws BootcError `STORE_OSTREE_NOT_A_REPO` without `objects/` or `config`; `STORE_OSTREE_INVALID` for a
 *   configuration that cannot be understood
 */
export async function openRepo(dir: Dir, options: OpenRepoOptions = {}): Promise<OstreeRepo> {
  return openChild(dir, options, 0)
}

async function openChild(dir: Dir, options: OpenRepoOptions, depth: number): Promise<OstreeRepo> {
  const objects = await dir.stat('objects')
  if (objects?.type !== 'directory') throw notARepo('no objects directory')
  const text = await readFile(dir, 'config', maxConfigBytes)
  if (text === undefined) throw notARepo('no config file')
  const config = new RepoConfig(text.toString('utf8'))
  const addon = options.native === false ? undefined : (options.native ?? getNative())
  const context = { dir, mode: config.mode(), config, native: nativeAccess(addon, dir) }
  return new Repo(context, options.parent ?? (await openParent(context, options, depth)))
}

/** `core.parent` names a directory of the host. */
async function openParent(
  { config, dir }: { readonly config: RepoConfig; readonly dir: Dir },
  options: OpenRepoOptions,
  depth: number,
): Promise<OstreeRepo | undefined> {
  const path = config.get('core', 'parent')
  if (path === undefined || dir.hostPath === undefined) return undefined
  if (depth >= maxParents) throw invalid('config core.parent', 'parents lead in a circle, or are too many')
  return openChild(nodeDir(resolve(dir.hostPath, path)), options, depth + 1)
}

/**
 * Lay out an empty repository, as `ostree init` does, and open it. Repeatable: an existing one of the same
 * mode is opened as it is.
 */
export async function initRepo(dir: Dir, mode: RepoMode, options: InitRepoOptions = {}): Promise<OstreeRepo> {
  const there = await openExisting(dir, options)
  if (there !== undefined) {
    if (there.mode === mode) return there
    throw new BootcError('STORE_OSTREE_INVALID', `repository exists with mode ${there.mode}, not ${mode}`, {
      details: { what: 'repository mode', reason: `is ${there.mode}` },
    })
  }
  for (const path of ['tmp', 'extensions', 'state', 'refs', 'refs/heads', 'refs/mirrors', 'refs/remotes']) {
    await ensureDir(dir, path)
  }
  const name = mode === 'archive' ? 'archive-z2' : mode
  const collection = options.collectionId === undefined ? '' : `collection-id=${options.collectionId}\n`
  await dir.write('config', Buffer.from(`[core]\nrepo_version=1\nmode=${name}\n${collection}`), {
    mode: 0o644,
  })
  // Last: its presence is what makes the directory a repository, so the configuration is on disk before.
  await dir.sync()
  await ensureDir(dir, 'objects')
  await dir.sync()
  return openRepo(dir, options)
}

async function openExisting(dir: Dir, options: OpenRepoOptions): Promise<OstreeRepo | undefined> {
  try {
    return await openRepo(dir, options)
  } catch (error) {
    if (isBootcError(error, 'STORE_OSTREE_NOT_A_REPO')) return undefined
    throw error
  }
}

function notARepo(reason: string): BootcError<'STORE_OSTREE_NOT_A_REPO'> {
  return new BootcError('STORE_OSTREE_NOT_A_REPO', `not an OSTree repository: ${reason}`, {
    details: { reason },
  })
}
