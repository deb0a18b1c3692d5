import type { ImageDestination } from '../../interfaces/destination.js'
import { mediaTypes } from '../../oci/media-types.js'
import { parseLayoutName } from '../local/layout-name.js'
import { blobName } from '../local/layout-transport.js'
import { layoutInvalid } from '../transport-errors.js'
import type { ArchiveSpool } from './archive-spool.js'
import type { Spooled } from './archive-spool.js'
import { spools } from './archive-spools.js'

/**
 * `oci-archive:FILE[:TAG]`: an OCI layout with one image in a tar, in place of whatever the file was. The same image
 * gives the same bytes.
 *
 * @see OCI image-spec 1.1.1 image-layout.md
 */
export function ociArchiveDestination(): ImageDestination {
  const open = spools()
  const spoolOf = (target: Parameters<ImageDestination['hasBlob']>[0]) => {
    const { path, position } = parseLayoutName(target)
    if (position !== undefined) throw layoutInvalid(path, 'an image cannot be written to a position')
    return open.get(path)
  }
  return {
    name: 'oci-archive',
    transports: ['oci-archive'],
    hasBlob: (target, { digest }) => Promise.resolve(spoolOf(target).blobs.has(digest)),
    putBlob: (target, blob, bytes) => spoolOf(target).add(blob, bytes),
    async putManifest(target, { bytes, digest, mediaType }, options = {}) {
      const spool = spoolOf(target)
      spool.blobs.set(digest, bytes)
      if (options.byDigest === true) return
      const { tag } = parseLayoutName(target)
      const annotations =
        tag === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': tag } }
      const entry = { mediaType, digest, size: bytes.length, ...annotations }
      await spool.write(
        members(spool, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] }),
      )
      await open.close(spool.path)
    },
    close: () => open.close(),
  }
}

function* members(spool: ArchiveSpool, index: object): Generator<readonly [string, Spooled | undefined]> {
  yield ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')]
  yield ['index.json', Buffer.from(JSON.stringify(index))]
  const blobs = [...spool.blobs].map(([digest, content]) => [blobName({ digest }), content] as const)
  const directories = new Set(['blobs/', ...blobs.map(([name]) => name.replace(/[^/]*$/, ''))])
  for (const name of [...directories].sort()) yield [name, undefined]
  yield* blobs.sort(([a], [b]) => (a < b ? -1 : 1))
}
