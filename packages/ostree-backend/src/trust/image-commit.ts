import type { StoredImage } from '@bootc-sdk/core'
import { classifyLayers } from '../container/layer-kinds.js'
import type { OstreeRepo, VariantDict } from '../repo/api.js'
import { remoteProblem } from '../repo/remote-config.js'
import { badSignature } from './errors.js'
import { openRemoteVerifier, type TrustOptions } from './remote-verifier.js'

/** Judges the commit that an image was made from. @throws BootcError `STORE_OSTREE_SIGNATURE` */
export type ImageCommitCheck = (
  commit: string,
  bytes: Uint8Array,
  detached: VariantDict | undefined,
) => Promise<void>

/**
 * What `ostree-remote-image:REMOTE:…` demands: a commit signed as the remote's configuration has it. A remote whose
 * commits need no signature would verify nothing, so that one is refused.
 *
 * @throws BootcError `STORE_OSTREE_REMOTE`, `STORE_OSTREE_KEY`
 * @see ostree.md §10.3 and ostree-container.md §2 in the format documents
 */
export async function imageCommitCheck(
  repo: OstreeRepo,
  remote: string,
  trust: TrustOptions,
): Promise<ImageCommitCheck> {
  const { commit } = await openRemoteVerifier(repo, remote, trust)
  if (commit === undefined) throw remoteProblem(remote, 'does not ask for signatures, so it verifies nothing')
  return commit
}

/** Judge a commit that is here. */
export async function checkStoredCommit(
  repo: OstreeRepo,
  commit: string,
  check: ImageCommitCheck,
): Promise<void> {
  await check(commit, await repo.readMetadata('commit', commit), await repo.readDetached(commit))
}

/** The commit that a stored image was made from, judged. */
export async function verifyImageCommit(
  repo: OstreeRepo,
  image: StoredImage,
  remote: string,
  trust: TrustOptions,
): Promise<void> {
  const check = await imageCommitCheck(repo, remote, trust)
  const commit =
    classifyLayers(image.manifest, image.config)[0] === 'commit' ? image.layers[0]?.id : undefined
  if (commit === undefined || commit === '') throw notFromCommit(image.manifestDigest, remote)
  await checkStoredCommit(repo, commit, check)
}

export function notFromCommit(manifestDigest: string, remote: string): Error {
  return badSignature(`image ${manifestDigest}`, 'it was not made from a commit', remote)
}
