import { BootcError, type Bytes, type StoredImage } from '@bootc-sdk/core'
import { isChecksum } from '../../format/checksum.js'
import { corrupt } from '../../format/errors.js'
import type { OstreeRepo } from '../../repo/api.js'
import { classifyLayers } from '../layer-kinds.js'
import { loadCommit, type CommitContents } from './commit-contents.js'
import { commitLayerTar, componentLayerTar, type LayerContent } from './ostree-layer-tar.js'
import { rawLayerTar } from './raw-layer-tar.js'

/** Makes the tar of one layer. */
export type LayerTarMaker = (signal?: AbortSignal) => Bytes

/**
 * How to make the layers of a stored image again, from the commits that they were imported as.
 *
 * @returns in manifest order
 * @throws BootcError `STORE_OSTREE_NO_REV` for a layer whose ref is gone, `STORE_OSTREE_NO_OBJECT`,
 *   `STORE_OSTREE_PARTIAL`, `STORE_OSTREE_CORRUPT`
 */
export async function imageLayers(
  repo: OstreeRepo,
  image: Pick<StoredImage, 'manifest' | 'config' | 'layers'>,
  signal?: AbortSignal,
): Promise<LayerTarMaker[]> {
  const kinds = classifyLayers(image.manifest, image.config)
  const commits = image.layers.map(({ id, ref }) => {
    if (id !== '') return id
    throw new BootcError('STORE_OSTREE_NO_REV', `layer ${ref} is gone`, { details: { rev: ref } })
  })
  const base = kinds[0] === 'commit' ? await loadCommit(repo, commits[0]!, signal) : undefined
  const left = new Map(base?.files)
  const makers: LayerTarMaker[] = []
  for (const [i, commit] of commits.entries()) {
    if (kinds[i] === 'component') {
      const content = await takeComponent(repo, commit, left)
      makers.push((each) => componentLayerTar(repo, content, each))
    } else if (kinds[i] === 'derived') {
      makers.push((each) => derivedTar(repo, commit, each))
    }
  }
  // What no component layer has is in that of the commit.
  if (base !== undefined) makers.unshift((each) => commitLayerTar(repo, base, left, each))
  return makers
}

async function takeComponent(
  repo: OstreeRepo,
  commit: string,
  left: Map<string, readonly string[]>,
): Promise<LayerContent> {
  const { rootTree } = await repo.readCommit(commit)
  const content = new Map<string, readonly string[]>()
  for (const { name } of (await repo.readDirTree(rootTree)).files) {
    if (!isChecksum(name)) throw corrupt(`${commit}.commit`, 'is not that of a component layer')
    const paths = left.get(name)
    if (paths === undefined) continue
    content.set(name, paths)
    left.delete(name)
  }
  return content
}

/** Loaded when its turn comes: one layer's tree at a time is in memory. */
async function* derivedTar(repo: OstreeRepo, commit: string, signal: AbortSignal | undefined): Bytes {
  const contents: CommitContents = await loadCommit(repo, commit, signal)
  yield* rawLayerTar(repo, contents, signal)
}
