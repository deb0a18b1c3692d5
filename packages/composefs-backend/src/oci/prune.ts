import { isBootcError, type Digest, type OpOptions, type PruneResult } from '@bootc-sdk/core'
import { isDigest } from '@bootc-sdk/core/oci'
import type { ComposefsRepo, RepoTransaction } from '../repo/api.js'
import { tagOf } from '../repo/tags.js'
import { readDocuments } from './documents.js'
import type { Filing } from './filing.js'
import { isLayerStream, manifestOfStream, manifestStream } from './names.js'
import { setTag, type Tag } from './tags.js'

/** Where artifacts about images (signatures, attestations) are kept, by the digest of their subject. */
const referrersDir = 'oci-referrers'

/**
 * Untag images that are not in `keep` (only tags of the store's own style), then delete what is unreachable.
 * Artifacts that somebody tagged stay; those about images that go, go with them.
 */
export async function pruneImages(
  repo: ComposefsRepo,
  filing: Filing,
  keep: ReadonlySet<Digest>,
  options: OpOptions,
): Promise<PruneResult> {
  const before = await countStreams(repo)
  {
    await using transaction = await repo.begin(options)
    const live = await dropTags(repo, filing, transaction, keep, options)
    await dropRoots(filing, transaction, keep)
    for (const digest of keep) live.add(digest)
    await dropReferrers(repo, transaction, live)
    options.signal?.throwIfAborted()
    await transaction.commit()
  }
  const deployed = await filing.deployments()
  const images: string[] = []
  for (const { imageId } of deployed) if (await repo.hasImage(imageId)) images.push(imageId)
  const streams: string[] = []
  for (const digest of keep) if (await filing.isThere(digest)) streams.push(manifestStream(digest))
  const freed = await repo.gc({ images, streams }, options)
  await filing.notes.prune((digest) => filing.isThere(digest))
  const after = await countStreams(repo)
  return {
    images: before.images - after.images,
    layers: before.layers - after.layers,
    objects: freed.objects,
    bytes: freed.bytes,
  }
}

/** @returns manifests that tags of any style keep */
async function dropTags(
  repo: ComposefsRepo,
  filing: Filing,
  transaction: RepoTransaction,
  keep: ReadonlySet<Digest>,
  options: OpOptions,
): Promise<Set<string>> {
  const live = new Set<string>()
  const names = new Set<string>()
  for await (const tag of filing.tags()) {
    options.signal?.throwIfAborted()
    if (await isGoing(repo, filing, tag, keep)) {
      setTag(transaction, tag.name, undefined)
      continue
    }
    names.add(tag.name)
    if (tag.manifestDigest !== undefined) live.add(tag.manifestDigest)
  }
  for (const digest of keep) {
    // As bootc does: its own clean-up knows images of deployments by their tags.
    const name = filing.deploymentTag(digest)
    if (name === undefined || names.has(name) || !(await filing.isThere(digest))) continue
    setTag(transaction, name, digest)
  }
  return live
}

async function isGoing(
  repo: ComposefsRepo,
  filing: Filing,
  { name, manifestDigest }: Tag,
  keep: ReadonlySet<Digest>,
): Promise<boolean> {
  if (!filing.isOwn(name)) return false
  // Leads nowhere: nothing can be collected while it is there.
  if (manifestDigest === undefined || !(await filing.isThere(manifestDigest))) return true
  return !keep.has(manifestDigest) && !(await isArtifact(repo, manifestDigest))
}

async function isArtifact(repo: ComposefsRepo, manifestDigest: Digest): Promise<boolean> {
  try {
    const documents = await readDocuments(repo, manifestDigest)
    return documents !== undefined && documents.config === undefined
  } catch (error) {
    // Damaged: a pull mends it better than its remains do.
    if (isBootcError(error)) return false
    throw error
  }
}

/** Adopted images, and images of other versions. */
async function dropRoots(
  filing: Filing,
  transaction: RepoTransaction,
  keep: ReadonlySet<Digest>,
): Promise<void> {
  for await (const { name, manifestDigest } of filing.adopted()) {
    if (!keep.has(manifestDigest)) transaction.setRef('streams', name, undefined)
  }
  await filing.removeImageRoots(transaction, (digest) => !isDigest(digest) || !keep.has(digest))
}

/** @param live manifests that stay; artifacts about artifacts that stay, stay */
async function dropReferrers(
  repo: ComposefsRepo,
  transaction: RepoTransaction,
  live: ReadonlySet<string>,
): Promise<void> {
  const referrers: { readonly name: string; readonly subject: string; readonly artifact: string }[] = []
  for await (const { name, target } of repo.listRefs('streams', referrersDir)) {
    // Encoded as tags are.
    const subject = tagOf(`oci/${name.split('/')[1] ?? ''}`)
    if (!isDigest(subject)) continue
    referrers.push({ name, subject, artifact: manifestOfStream(target) ?? '' })
  }
  const subjects = new Set(live)
  for (let size = -1; size < subjects.size;) {
    size = subjects.size
    for (const { subject, artifact } of referrers) if (subjects.has(subject)) subjects.add(artifact)
  }
  for (const { name, subject } of referrers) {
    if (!subjects.has(subject)) transaction.setRef('streams', name, undefined)
  }
}

async function countStreams(repo: ComposefsRepo): Promise<{ images: number; layers: number }> {
  let images = 0
  let layers = 0
  for await (const { contentId } of repo.listStreams()) {
    if (isLayerStream(contentId)) layers++
    else if (manifestOfStream(contentId) !== undefined) images++
  }
  return { images, layers }
}
