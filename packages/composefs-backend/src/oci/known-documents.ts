import type { Digest } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo } from '../repo/api.js'
import { readDocumentsOrUndefined, type StoredDocuments } from './documents.js'
import { manifestStream } from './names.js'

interface Known {
  readonly documents: StoredDocuments
  /** Of the streams of manifest and config. */
  readonly sizes: readonly [ObjectId, number | undefined][]
}

const known = new WeakMap<ComposefsRepo, Map<ObjectId, Known>>()

/**
 * As `readDocumentsOrUndefined`, but what was read and checked once is read again only when its stream is another
 * or has gone: an operation looks at its few images a dozen times.
 */
export async function readKnownDocuments(
  repo: ComposefsRepo,
  manifestDigest: Digest,
): Promise<StoredDocuments | undefined> {
  const ofRepo = known.get(repo) ?? new Map<ObjectId, Known>()
  known.set(repo, ofRepo)
  const id = await repo.stream(manifestStream(manifestDigest))
  const before = id === undefined ? undefined : ofRepo.get(id)
  if (before?.documents.manifestDigest === manifestDigest && (await areThere(repo, before))) {
    return before.documents
  }
  const documents = await readDocumentsOrUndefined(repo, manifestDigest)
  if (documents === undefined) return undefined
  const { manifestId, configId } = documents
  const sizes: [ObjectId, number | undefined][] = []
  for (const object of [manifestId, configId]) sizes.push([object, await repo.objectSize(object)])
  ofRepo.set(manifestId, { documents, sizes })
  return documents
}

async function areThere(repo: ComposefsRepo, { sizes }: Known): Promise<boolean> {
  for (const [id, sizeBytes] of sizes) if (!(await repo.hasObject(id, sizeBytes))) return false
  return true
}
