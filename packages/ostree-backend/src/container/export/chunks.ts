import type { ImageManifest } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'
import { mapLimit, ioConcurrency } from '@bootc-sdk/core/store-kit'
import { invalid } from '../../format/errors.js'
import type { OstreeRepo } from '../../repo/api.js'
import type { ContentMeta } from './content-meta.js'
import type { LayerContent } from './ostree-layer-tar.js'
import { packComponents, type Component } from './packing.js'
import { packAsBefore, previousPacking } from './previous-packing.js'

/** Content of a layer besides that of the commit. */
export interface Chunk {
  /** For the image's history. */
  readonly name: string
  /** Names of its components, sorted. */
  readonly components: readonly string[]
  readonly content: LayerContent
}

export interface ChunkOptions {
  readonly contentMeta?: ContentMeta | undefined
  /** Paths of components that get a layer of their own whatever their size: checksums by path, by id. */
  readonly exclusive?: ReadonlyMap<string, readonly { readonly path: string; readonly checksum: string }[]>
  /** Layers besides the first one, at most. */
  readonly maxLayers?: number | undefined
  readonly previous?: Pick<ImageManifest, 'layers'> | undefined
  readonly signal?: AbortSignal | undefined
}

/** Half of what overlay file systems and registries can hold. */
const defaultMaxLayers = 64

type Files = ReadonlyMap<string, readonly string[]>

/**
 * Distribute the content of a commit over layers.
 *
 * Without limit and previous image there is one layer per component in the given order, and an empty one for those
 * to come; else they are packed by size and frequency.
 *
 * @returns layers after the first, which holds `remainder`: everything when there is no content metadata
 * @throws BootcError `STORE_OSTREE_INVALID` when an object belongs to no component
 */
export async function chunkContent(
  repo: OstreeRepo,
  files: Files,
  options: ChunkOptions,
): Promise<{ readonly chunks: readonly Chunk[]; readonly remainder: LayerContent }> {
  const { contentMeta, exclusive = new Map() } = options
  if (contentMeta === undefined) return { chunks: [], remainder: files }
  const left = new Map([...files].map(([checksum, paths]) => [checksum, [...paths]]))
  const ids = [...exclusive.keys()].sort(compareNames)
  const chunks = ids.map((id) => takePaths(left, id, exclusive.get(id)!))
  const regular = contentMeta.components.filter(({ id }) => !exclusive.has(id))
  const objects = objectsById(contentMeta)
  for (const bin of await pack(
    repo,
    { ...contentMeta, components: regular },
    objects,
    chunks.length,
    options,
  )) {
    chunks.push(takeObjects(left, bin, objects))
  }
  const unmapped = [...left.keys()]
  if (unmapped.length > 0) {
    const paths = left.get(unmapped[0]!)!
    throw invalid(
      'content metadata',
      `${unmapped.length} objects have no component, such as that of ${paths[0]}`,
    )
  }
  return { chunks, remainder: left }
}

async function pack(
  repo: OstreeRepo,
  meta: ContentMeta,
  objects: ReadonlyMap<string, readonly string[]>,
  taken: number,
  { maxLayers, previous, signal }: ChunkOptions,
): Promise<readonly (readonly Pick<Component, 'id' | 'name'>[])[]> {
  if (maxLayers === undefined && previous === undefined) {
    return [...meta.components.map((component) => [component]), []]
  }
  const bins = (maxLayers ?? defaultMaxLayers) - taken
  if (bins < 1) throw invalid('layers', `${maxLayers ?? defaultMaxLayers} are too few`)
  const components = await measured(repo, meta, objects, signal)
  const before = previous === undefined ? undefined : previousPacking(previous)
  const packed = before && packAsBefore(components, bins, before)
  return packed ?? packComponents(components, bins)
}

/** With sizes, largest first; those of equal size by id. Components without objects are left out. */
async function measured(
  repo: OstreeRepo,
  { components }: ContentMeta,
  objects: ReadonlyMap<string, readonly string[]>,
  signal: AbortSignal | undefined,
): Promise<Component[]> {
  const found: Component[] = []
  for (const { id, name, changeFrequency = 1 } of components) {
    const sizes = await mapLimit(objects.get(id) ?? [], ioConcurrency, async (checksum) => {
      signal?.throwIfAborted()
      return (await repo.has('file', checksum)) ? (await repo.fileHeader(checksum)).sizeBytes : undefined
    })
    const there = sizes.filter((size) => size !== undefined)
    if (there.length === 0) continue
    found.push({ id, name, changeFrequency, sizeBytes: there.reduce((sum, size) => sum + size, 0) })
  }
  return found.sort((a, b) => b.sizeBytes - a.sizeBytes || compareNames(a.id, b.id))
}

function objectsById({ mapping }: ContentMeta): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [checksum, id] of mapping) {
    const objects = found.get(id)
    if (objects === undefined) found.set(id, [checksum])
    else objects.push(checksum)
  }
  return found
}

function takePaths(
  left: Map<string, string[]>,
  id: string,
  wanted: readonly { readonly path: string; readonly checksum: string }[],
): Chunk {
  const content = new Map<string, string[]>()
  for (const { path: absolute, checksum } of wanted) {
    const path = absolute.replace(/^\//, '')
    const paths = left.get(checksum)
    const at = paths?.indexOf(path) ?? -1
    if (paths === undefined || at < 0) continue
    paths.splice(at, 1)
    if (paths.length === 0) left.delete(checksum)
    const taken = content.get(checksum)
    if (taken === undefined) content.set(checksum, [path])
    else taken.push(path)
  }
  return { name: id, components: [id], content }
}

function takeObjects(
  left: Map<string, string[]>,
  bin: readonly Pick<Component, 'id' | 'name'>[],
  objects: ReadonlyMap<string, readonly string[]>,
): Chunk {
  const content = new Map<string, string[]>()
  for (const { id } of bin) {
    for (const checksum of objects.get(id) ?? []) {
      const paths = left.get(checksum)
      if (paths === undefined) continue
      content.set(checksum, paths)
      left.delete(checksum)
    }
  }
  const components = bin.map(({ name }) => name).sort(compareNames)
  return { name: chunkName(bin.map(({ id }) => id)), components, content }
}

function chunkName(ids: readonly string[]): string {
  if (ids.length === 0) return 'Reserved for new packages'
  return ids.length <= 5 ? ids.join(' and ') : `${ids.length} components`
}
