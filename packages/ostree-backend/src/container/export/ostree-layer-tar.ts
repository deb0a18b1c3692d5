import type { Bytes } from '@bootc-sdk/core'
import { encodeDict } from '../../format/variant-dict.js'
import type { OstreeRepo } from '../../repo/api.js'
import type { CommitContents } from './commit-contents.js'
import { contentGroup } from './content-group.js'
import { dataEntry, plainEntry } from './entries.js'
import { loadObjects } from './load-objects.js'
import { objectEntryPath, repoSkeleton } from './skeleton.js'
import { commitStructure, type StructureItem } from './structure.js'
import { endOfTar } from './tar-header.js'

/** Content objects of a layer with their paths. */
export type LayerContent = ReadonlyMap<string, readonly string[]>

/** The tar of a component layer: content objects in the order of their checksums. */
export async function* componentLayerTar(
  repo: OstreeRepo,
  content: LayerContent,
  signal?: AbortSignal,
): Bytes {
  yield repoSkeleton()
  yield* contentOf(repo, content, signal)
  yield endOfTar
}

/** The tar of the layer with the commit itself, all metadata and the content that no other layer has. */
export async function* commitLayerTar(
  repo: OstreeRepo,
  contents: CommitContents,
  content: LayerContent,
  signal?: AbortSignal,
): Bytes {
  const { checksum, commit, metas } = contents
  const root = metas.get(commit.rootMeta)!
  yield Buffer.concat(plainEntry('./', { ...root, type: 'directory' }))
  yield repoSkeleton()
  const bytes = await repo.readMetadata('commit', checksum)
  yield Buffer.concat(dataEntry(objectEntryPath(checksum, 'commit'), bytes))
  const detached = await repo.readDetached(checksum)
  if (detached !== undefined) {
    yield Buffer.concat(dataEntry(objectEntryPath(checksum, 'commitmeta'), encodeDict(detached)))
  }
  for (const item of commitStructure(contents)) {
    signal?.throwIfAborted()
    yield Buffer.concat(await entryOf(repo, item))
  }
  yield* contentOf(repo, content, signal)
  yield endOfTar
}

async function entryOf(repo: OstreeRepo, item: StructureItem): Promise<Buffer[]> {
  if (item.kind === 'directory') return plainEntry(item.path, { ...item.meta, type: 'directory' })
  const { kind, checksum } = item
  return dataEntry(objectEntryPath(checksum, kind), await repo.readMetadata(kind, checksum))
}

async function* contentOf(repo: OstreeRepo, content: LayerContent, signal: AbortSignal | undefined): Bytes {
  const checksums = [...content.keys()].sort()
  for await (const object of loadObjects(repo, checksums, { verify: true, signal })) {
    yield* contentGroup(object, content.get(object.checksum)!)
  }
}
