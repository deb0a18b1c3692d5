import { BootcError, isBootcError, type Dir, type OpOptions } from '@bootc-sdk/core'
import { getNative } from '@bootc-sdk/core/node'
import type { NativeAddon } from '@bootc-sdk/native'
import { badMeta, newMetaJson, unknownReadOnlyFeatures, type MetaJson } from '../format/meta-json.js'
import type { VerityAlgorithm } from '../format/types.js'
import type { ComposefsRepo, RepoMeta, VerityState } from './api.js'
import { nativeAccess } from '@bootc-sdk/core/store-kit'
import { mapWriteError, verityError } from './errors.js'
import { ensureDir } from './io.js'
import { inferMeta, metaFile, notARepo, readMetaFile, writeMetaFile } from './meta-file.js'
import { RepoLock } from './repo-lock.js'
import { Repo } from './repo.js'
import { measureVerity } from './verity-fs.js'

export interface OpenComposefsRepoOptions extends OpOptions {
  /** The algorithm that the caller can work with; any when left out. */
  readonly algorithm?: VerityAlgorithm | undefined
  /** Refuse a repository that does not demand fs-verity of itself. */
  readonly requireVerity?: boolean | undefined
  /** Tolerate objects without fs-verity in one that does (`?` in the kernel argument). */
  readonly allowMissingVerity?: boolean | undefined
  /** The addon to use; false for none. Default: `getNative()`. Both ways give the same objects. */
  readonly native?: NativeAddon | false | undefined
  /**
   * `open` (default): the shared lock is held until the repository is disposed. `writing`: only in transactions,
   * for programs that keep it open for long and would keep others from collecting garbage.
   */
  readonly lock?: 'open' | 'writing' | undefined
}

export interface InitComposefsRepoOptions extends OpOptions {
  /** Default `sha512`. */
  readonly algorithm?: VerityAlgorithm | undefined
  /** Default 1. */
  readonly erofsVersion?: 1 | 2 | undefined
  /** Default: fs-verity on meta.json where the file system can. True: refuse where it cannot. False: never. */
  readonly requireVerity?: boolean | undefined
  readonly native?: NativeAddon | false | undefined
  readonly lock?: OpenComposefsRepoOptions['lock']
}

/**
 * Open a composefs repository and hold its lock, shared, until it is disposed. An old one without meta.json
 * gets it, as from bootc and cfsctl, or is opened read-only where it cannot be written.
 *
 * @throws BootcError `STORE_COMPOSEFS_NOT_A_REPO`, `STORE_COMPOSEFS_BAD_META`, `STORE_COMPOSEFS_ALGORITHM`,
 *   `STORE_COMPOSEFS_VERITY`, `STORE_COMPOSEFS_LOCKED`
 */
export async function openComposefsRepo(
  dir: Dir,
  options: OpenComposefsRepoOptions = {},
): Promise<ComposefsRepo> {
  const lock = options.lock === 'writing' ? RepoLock.whenWriting(dir) : await RepoLock.shared(dir, options)
  try {
    const { meta, reason } = await findMeta(dir)
    const wanted = options.algorithm
    if (wanted !== undefined && wanted !== meta.algorithm) throw wrongAlgorithm(meta.algorithm, wanted)
    const verity = await findVerity(dir, meta.algorithm, options)
    const addon = options.native === false ? undefined : (options.native ?? getNative())
    const context = {
      dir,
      meta: repoMeta(meta, reason ?? blind(dir, options)),
      verity,
      enforceVerity: verity.mode === 'required',
      native: nativeAccess(addon, dir, 0o755, true),
    }
    return new Repo(context, lock)
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * Make an empty repository in a directory and open it. Repeatable: one that says the same is opened as it is.
 *
 * @throws BootcError `STORE_COMPOSEFS_VERITY` when fs-verity is required and the file system has none;
 *   `STORE_COMPOSEFS_ALGORITHM`, `STORE_COMPOSEFS_BAD_META` for an existing one that differs
 */
export async function initComposefsRepo(
  dir: Dir,
  options: InitComposefsRepoOptions = {},
): Promise<ComposefsRepo> {
  const { algorithm = 'sha512', erofsVersion = 1, requireVerity } = options
  if ((await readMetaFile(dir)) === undefined && !(await hasObjects(dir))) {
    try {
      await ensureDir(dir, 'objects')
      await writeMeta(dir, newMetaJson(algorithm, erofsVersion), requireVerity)
    } catch (error) {
      // Another process was faster; what it wrote is compared below.
      if (!isBootcError(error, 'TREE_EXISTS')) throw mapWriteError(error, 4096)
    }
  }
  const repo = await openComposefsRepo(dir, {
    algorithm,
    native: options.native,
    lock: options.lock,
    signal: options.signal,
    onProgress: options.onProgress,
    requireVerity: requireVerity === true,
  })
  if (repo.meta.erofsVersion === erofsVersion) return repo
  const found = repo.meta.erofsVersion
  await repo[Symbol.asyncDispose]()
  throw badMeta(`the repository exists with EROFS format ${found}, not ${erofsVersion}`)
}

/** Of an old repository: opening it finds out the rest. */
async function hasObjects(dir: Dir): Promise<boolean> {
  try {
    await inferMeta(dir)
    return true
  } catch (error) {
    if (isBootcError(error, 'STORE_COMPOSEFS_NOT_A_REPO')) return false
    throw error
  }
}

async function writeMeta(dir: Dir, meta: MetaJson, requireVerity: boolean | undefined): Promise<void> {
  if (requireVerity !== false && (requireVerity === true || dir.supports.verity)) {
    try {
      await writeMetaFile(dir, meta, true)
      return
    } catch (error) {
      if (requireVerity === true || !isBootcError(error, 'STORE_COMPOSEFS_VERITY')) throw error
    }
  }
  await writeMetaFile(dir, meta, false)
}

async function findMeta(dir: Dir): Promise<{ meta: MetaJson; reason?: string }> {
  const there = await readMetaFile(dir)
  if (there !== undefined) return { meta: there }
  if ((await dir.stat('objects'))?.type !== 'directory') throw notARepo('no meta.json')
  const { meta, verity } = await inferMeta(dir)
  try {
    await writeMetaFile(dir, meta, verity)
  } catch (error) {
    if (isBootcError(error, 'TREE_EXISTS')) return { meta: (await readMetaFile(dir)) ?? meta }
    if (isBootcError(error, 'TREE_READ_ONLY') || isBootcError(error, 'TREE_PERMISSION')) {
      return { meta, reason: 'it has no meta.json and cannot get one' }
    }
    throw mapWriteError(error, 4096)
  }
  return { meta }
}

async function findVerity(
  dir: Dir,
  algorithm: VerityAlgorithm,
  options: OpenComposefsRepoOptions,
): Promise<VerityState> {
  const measured = await measureVerity(dir, metaFile).catch((error: unknown) => {
    if (isBootcError(error, 'TREE_NOT_FOUND')) return undefined
    throw error
  })
  if (measured !== undefined) {
    if (measured.algorithm !== algorithm)
      throw verityError(metaFile, `has fs-verity with ${measured.algorithm}`)
    if (options.allowMissingVerity !== true) return { mode: 'required' }
  } else if (options.requireVerity === true) {
    const reason = dir.supports.verity ? 'has no fs-verity' : 'the file system has no fs-verity'
    throw verityError(metaFile, reason)
  }
  return { mode: 'optional', enforceable: dir.supports.verity }
}

/** Where nothing can look for fs-verity, objects without it must not get into a repository that may demand it. */
function blind(dir: Dir, options: OpenComposefsRepoOptions): string | undefined {
  const { kernelLocks, verity } = dir.supports
  if (dir.hostPath === undefined || verity || kernelLocks || options.allowMissingVerity === true)
    return undefined
  return 'neither addon nor interpreter is there to look for fs-verity'
}

function repoMeta(meta: MetaJson, reason: string | undefined): RepoMeta {
  const [unknown] = unknownReadOnlyFeatures(meta)
  const readOnlyReason =
    unknown === undefined ? reason : `it has the feature ${JSON.stringify(unknown)}, which is not known`
  return {
    algorithm: meta.algorithm,
    erofsVersion: meta.erofsVersion,
    extraErofsVersions: meta.extraErofsVersions.filter((version) => version !== meta.erofsVersion),
    ...(readOnlyReason === undefined ? {} : { readOnlyReason }),
  }
}

function wrongAlgorithm(repository: string, wanted: string): BootcError<'STORE_COMPOSEFS_ALGORITHM'> {
  return new BootcError(
    'STORE_COMPOSEFS_ALGORITHM',
    `repository has objects by ${repository}, ${wanted} was asked for`,
    { details: { repository, wanted } },
  )
}
