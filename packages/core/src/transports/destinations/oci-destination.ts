import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageDestination } from '../../interfaces/destination.js'
import { canonicalJson, parseIndex } from '../../oci/index.js'
import type { Descriptor, ImageIndex } from '../../oci/types.js'
import { parseLayoutName } from '../local/layout-name.js'
import { blobName } from '../local/layout-transport.js'
import { layoutInvalid } from '../transport-errors.js'
import { checkedStream } from './checked-stream.js'
import { isFileOf, placeFile } from './place-file.js'

const refName = 'org.opencontainers.image.ref.name'

/**
 * `oci:PATH[:TAG]`: an OCI layout, made where there is none. An image without a tag replaces what has none; other
 * images stay. The index has the form of ostree-ext's: canonical JSON without a media type, with platforms.
 *
 * @see OCI image-spec 1.1.1 image-layout.md
 */
export function ociDestination(): ImageDestination {
  /** Writers of one index take turns. */
  const indexes = new Map<string, Promise<void>>()
  const pathOf = (target: Parameters<ImageDestination['hasBlob']>[0]) => parseLayoutName(target).path
  return {
    name: 'oci',
    transports: ['oci'],
    hasBlob: (target, blob) => isFileOf(join(pathOf(target), blobName(blob)), blob.size),
    async putBlob(target, blob, bytes, options = {}) {
      await placeFile(join(pathOf(target), blobName(blob)), checkedStream(bytes, blob), options.release)
    },
    async putManifest(target, { bytes, digest, mediaType, platform }, options = {}) {
      const { path, tag, position } = parseLayoutName(target)
      if (position !== undefined) throw layoutInvalid(path, 'an image cannot be written to a position')
      await placeFile(join(path, blobName({ digest })), bytes)
      if (options.byDigest === true) return
      const entry: Descriptor = {
        mediaType,
        digest,
        size: bytes.length,
        ...(platform === undefined ? {} : { platform }),
        ...(tag === undefined ? {} : { annotations: { [refName]: tag } }),
      }
      const turn = (indexes.get(path) ?? Promise.resolve())
        .catch(() => undefined)
        .then(() => addEntry(path, entry, tag))
      indexes.set(path, turn)
      await turn
    },
  }
}

async function addEntry(path: string, entry: Descriptor, tag: string | undefined): Promise<void> {
  const file = join(path, 'index.json')
  const text = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw layoutInvalid(path, 'index.json cannot be read', {}, error)
  })
  const index: ImageIndex = text === undefined ? { schemaVersion: 2, manifests: [] } : parseIndex(text)
  const others = index.manifests.filter(({ annotations }) => annotations?.[refName] !== tag)
  await placeFile(join(path, 'oci-layout'), Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  await placeFile(file, Buffer.from(canonicalJson({ ...index, manifests: [...others, entry] })))
}
