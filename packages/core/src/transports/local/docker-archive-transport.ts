import type { BlobSource, ImageTransport, ResolvedImage } from '../../interfaces/transport.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor } from '../../oci/types.js'
import { archiveCache } from './archive-cache.js'
import type { ArchiveCache, ArchiveCacheOptions } from './archive-cache.js'
import { resolveInDockerArchive, unpackedLayer } from './docker-archive-image.js'
import type { LayerMember } from './docker-archive-image.js'
import { parseDockerArchiveName } from './docker-archive-name.js'
import type { DockerArchiveName } from './docker-archive-name.js'
import { notFound } from '../transport-errors.js'

type LayerOptions = NonNullable<Parameters<ImageTransport['openLayer']>[2]>

/**
 * `docker-archive:FILE[:NAME[:TAG]|:@N]`, as `docker save` and `skopeo copy` write it; layers may be plain,
 * compressed, or links to other members.
 *
 * @see containers/image 5.34 docker/internal/tarfile
 */
export function dockerArchiveTransport(
  options: ArchiveCacheOptions = {},
): ImageTransport & { close(): Promise<void> } {
  const archives = archiveCache(options, true)
  const reader = dockerArchiveReader(archives)
  return {
    name: 'docker-archive',
    transports: ['docker-archive'],
    supports: { range: true, localTree: false },
    resolve: (reference, resolveOptions = {}) =>
      reader.resolve(reference, parseDockerArchiveName(reference), resolveOptions),
    openLayer: (image, layer, layerOptions = {}) =>
      reader.openLayer(image, parseDockerArchiveName(image.reference), layer, layerOptions),
    close: () => archives.close(),
  }
}

/** Images in archives that a cache has open; for whoever knows which file a reference means. */
export function dockerArchiveReader(archives: ArchiveCache) {
  /** Members of layers, by image; a resolved image that came from elsewhere is resolved again. */
  const known = new WeakMap<ResolvedImage, readonly LayerMember[]>()

  const layersOf = async (image: ResolvedImage, name: DockerArchiveName, signal: AbortSignal | undefined) => {
    const archive = await archives.open(name.path, signal)
    return (await resolveInDockerArchive(image.reference, name, archive, { signal })).layers
  }

  return {
    async resolve(
      reference: ImageReference,
      name: DockerArchiveName,
      options: Parameters<ImageTransport['resolve']>[1] = {},
    ): Promise<ResolvedImage> {
      const archive = await archives.open(name.path, options.signal)
      const { image, layers } = await resolveInDockerArchive(reference, name, archive, options)
      known.set(image, layers)
      return image
    },

    openLayer(
      image: ResolvedImage,
      name: DockerArchiveName,
      layer: Descriptor,
      options: LayerOptions,
    ): BlobSource {
      const find = (layers: readonly LayerMember[]) => layers[image.manifest.layers.indexOf(layer)]
      const open = (member: LayerMember | undefined): BlobSource => {
        if (member?.compressed !== true) return archives.layer(name.path, layer, member?.name ?? '', options)
        return { [Symbol.asyncIterator]: () => unpacked(archives, name, member, options) }
      }
      const layers = known.get(image)
      if (layers !== undefined) return open(find(layers))
      return {
        async *[Symbol.asyncIterator]() {
          yield* open(find(await layersOf(image, name, options.signal)))
        },
      }
    },
  }
}

/** A stream that cannot be entered in the middle: what is before a range is read and dropped. */
async function* unpacked(
  archives: ArchiveCache,
  { path }: DockerArchiveName,
  member: LayerMember,
  { range, signal }: LayerOptions,
): AsyncGenerator<Uint8Array> {
  const slice = (await archives.open(path, signal)).locate(member.name)
  if (slice === undefined) throw notFound(`${member.name} in ${path}`, { path })
  const { start, end } = range ?? { start: 0, end: Number.POSITIVE_INFINITY }
  let at = 0
  for await (const chunk of unpackedLayer(path, slice)) {
    signal?.throwIfAborted()
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at))
    at += chunk.length
    if (part.length > 0) yield part
    if (at >= end) return
  }
}
