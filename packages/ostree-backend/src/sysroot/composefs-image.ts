import { BootcError, type Bytes, type Dir, type OpOptions } from '@bootc-sdk/core'
import { ioConcurrency, mapLimit } from '@bootc-sdk/core/store-kit'
import { configKey } from '../container/names.js'
import { lookup } from '../format/variant-dict.js'
import type { OstreeRepo, RepoMode } from '../repo/api.js'
import { composefsDump, contentPath, loadContent, type CommitContent } from './composefs-dump.js'
import { imageName } from './layout.js'
import { composefsSetting, isRequired, needsVerity } from './prepare-root-conf.js'

/**
 * Makes composefs images; given by the caller (`@bootc-sdk/composefs-backend/format` is one), since this package has no
 * EROFS of its own.
 */
export interface ComposefsFormat {
  /**
   * The image that mkcomposefs makes of text in composefs-dump(5) form, of the least format version that holds it.
   *
   * @throws BootcError for a tree that no image can hold
   */
  imageFromDump(
    dump: AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly sizeBytes: number; chunks(): Iterable<Uint8Array> }>
}

/** Modes whose objects are what an image leads to. */
const modes: ReadonlySet<RepoMode> = new Set(['bare', 'bare-user', 'bare-user-only'])

/** Writes the image of a commit into the root of its deployment. */
export type ImageWriter = (root: Dir, path: string, options: OpOptions) => Promise<void>

/**
 * Decide over the image of a deployment before anything is written. As libostree does, every deployment gets one, also
 * where `prepare-root.conf` does not ask for it; undefined where it cannot have one and does not need it.
 *
 * @throws BootcError `DEPLOY_COMPOSEFS_REQUIRED`, `DEPLOY_COMPOSEFS_VERITY`, `DEPLOY_COMPOSEFS_DIGEST`
 * @see ostree 2026.4 src/libostree/ostree-sysroot-deploy.c, checkout_deployment_tree
 */
export async function planImage(
  repo: OstreeRepo,
  commit: string,
  load: (() => Promise<ComposefsFormat>) | undefined,
): Promise<ImageWriter | undefined> {
  const setting = await composefsSetting(await repo.openCommit(commit))
  if (load === undefined || !modes.has(repo.mode)) {
    if (isRequired(setting)) throw noImage(repo.mode, load === undefined)
    return undefined
  }
  const verity = needsVerity(setting)
  if (verity && !repo.dir.supports.verity) {
    throw new BootcError(
      'DEPLOY_COMPOSEFS_VERITY',
      'prepare-root.conf of the image demands fs-verity, which the file system of the repository does not have',
    )
  }
  const expected = setting === 'signed' ? await signedDigest(repo, commit) : undefined
  return async (root, path, options) => {
    const content = await loadContent(repo, commit, options)
    const digests = await contentDigests(repo.dir, content, verity, options)
    const { imageFromDump } = await load()
    const image = await imageFromDump(composefsDump(content, digests), options)
    const file = `${path}/${imageName}`
    // Nobody looks for a deployment here before it has its origin.
    await root.write(file, bytesOf(image.chunks(), options.signal), { mode: 0o644, atomic: false })
    if (!verity) return
    await root.enableVerity!(file, 'sha256')
    const digest = (await root.measureVerity!(file))?.digest
    if (expected !== undefined && digest !== expected) throw otherDigest(commit, expected, digest)
  }
}

/** fs-verity digests by checksum: of every object, which then all have it, or of those that have it anyway. */
async function contentDigests(
  dir: Dir,
  { headers }: CommitContent,
  all: boolean,
  { signal }: OpOptions,
): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  if (!dir.supports.verity) return digests
  const files = [...headers].filter(([, { sizeBytes }]) => sizeBytes > 0)
  await mapLimit(files, ioConcurrency, async ([checksum]) => {
    signal?.throwIfAborted()
    const path = `objects/${contentPath(checksum)}`
    if (all) await dir.enableVerity!(path, 'sha256')
    const measured = await dir.measureVerity!(path)
    if (measured?.algorithm === 'sha256') digests.set(checksum, measured.digest)
    else if (all) {
      const what = measured?.algorithm ?? 'none'
      throw new BootcError('DEPLOY_COMPOSEFS_VERITY', `${path} has no fs-verity by SHA-256 but ${what}`, {
        details: { path },
      })
    }
  })
  return digests
}

/**
 * Digest of the image that the signature of a commit covers: its own, or, for one that a container image became, which
 * nobody signed, that of the commit it was made from.
 */
async function signedDigest(repo: OstreeRepo, checksum: string): Promise<string> {
  const commit = await repo.readCommit(checksum)
  const { parent } = commit
  const merged =
    parent !== undefined &&
    lookup(commit.metadata, configKey, 's') !== undefined &&
    (await repo.readDetached(checksum)) === undefined &&
    (await repo.has('commit', parent))
  const { metadata } = merged ? await repo.readCommit(parent) : commit
  const digest = lookup(metadata, 'ostree.composefs.digest.v0', 'ay')
  if (digest !== undefined) return Buffer.from(digest).toString('hex')
  throw new BootcError(
    'DEPLOY_COMPOSEFS_DIGEST',
    'prepare-root.conf of the image demands a signed composefs image, and its commit does not say the digest of one',
    { details: { checksum } },
  )
}

function otherDigest(checksum: string, expected: string, digest = ''): BootcError {
  return new BootcError(
    'DEPLOY_COMPOSEFS_DIGEST',
    'the composefs image of the deployment is not the one that its commit was signed with',
    { details: { checksum, expected, digest } },
  )
}

function noImage(mode: RepoMode, noFormat: boolean): BootcError {
  const reason = noFormat
    ? 'nothing makes one here: give composefs to ostreeBackend'
    : `one cannot lead to objects of a repository in mode ${mode}`
  return new BootcError(
    'DEPLOY_COMPOSEFS_REQUIRED',
    `prepare-root.conf of the image starts it from a composefs image only, and ${reason}`,
  )
}

async function* bytesOf(chunks: Iterable<Uint8Array>, signal: AbortSignal | undefined): Bytes {
  for (const chunk of chunks) {
    signal?.throwIfAborted()
    yield chunk
  }
}
