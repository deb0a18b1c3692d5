import { statSync } from 'node:fs'
import { DEFAULT_MAX_OUTPUT_BYTES, readFileSlice } from '../../codec/index.js'
import type { BlobSource, ImageTransport } from '../../interfaces/transport.js'
import type { Descriptor } from '../../oci/types.js'
import { notFound } from '../transport-errors.js'
import { archiveIdentity, openArchive } from './archive-file.js'
import type { OpenArchive } from './archive-file.js'
import { parseLayoutName } from './layout-name.js'
import { blobName, cut, localLayer, resolveInLayout } from './layout-transport.js'

export interface OciArchiveOptions {
  /** For compressed archives, which are unpacked there without a name; default /var/tmp. */
  readonly temporaryDir?: string
  /** Largest archive when unpacked; default 64 GiB. */
  readonly maxBytes?: number
}

/**
 * `oci-archive:FILE[:TAG|:@N]`: an OCI layout in a tar archive. The archive is indexed once and its members
 * are read in place; a compressed one is unpacked to a nameless temporary file first, which goes with `close`
 * or with the transport.
 */
export function ociArchiveTransport(
  options: OciArchiveOptions = {},
): ImageTransport & { close(): Promise<void> } {
  const archives = new Map<string, Promise<OpenArchive>>()
  const ready = new Map<string, OpenArchive>()

  const get = async (path: string, signal: AbortSignal | undefined): Promise<OpenArchive> => {
    const identity = await archiveIdentity(path)
    const known = await archives.get(path)?.catch(() => undefined)
    if (known?.identity === identity) return known
    const opening = openArchive(path, {
      temporaryDir: options.temporaryDir ?? '/var/tmp',
      maxBytes: options.maxBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
      signal,
    })
    archives.set(path, opening)
    const opened = await opening
    ready.set(path, opened)
    known?.close()
    return opened
  }

  return {
    name: 'oci-archive',
    transports: ['oci-archive'],
    supports: { range: true, localTree: false },
    async resolve(reference, resolveOptions = {}) {
      const archive = await get(parseLayoutName(reference).path, resolveOptions.signal)
      return resolveInLayout(reference, archive, resolveOptions)
    },
    openLayer({ reference }, layer, openOptions = {}) {
      const { path } = parseLayoutName(reference)
      const archive = ready.get(path)
      if (archive && isUnchanged(archive)) {
        const source = localLayer(path, layer, () => archive.locate(blobName(layer)), openOptions)
        // An unpacked copy lives as long as somebody can reach its archive.
        return Object.assign(source, { archive })
      }
      return openedLater(() => get(path, openOptions.signal), layer, openOptions)
    },
    async close() {
      const open = [...archives.values()]
      archives.clear()
      ready.clear()
      for (const archive of open) await archive.then((opened) => opened.close()).catch(() => undefined)
    },
  }
}

function isUnchanged(archive: OpenArchive): boolean {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(archive.path, { bigint: true })
    return archive.identity === [dev, ino, size, mtimeNs, ctimeNs].join(':')
  } catch {
    return false
  }
}

/** An archive that this transport has not seen yet, for instance because `resolve` ran in another process. */
async function* openedLater(
  get: () => Promise<OpenArchive>,
  layer: Descriptor,
  options: NonNullable<Parameters<ImageTransport['openLayer']>[2]>,
): AsyncGenerator<Uint8Array> {
  const archive = await get()
  const slice = archive.locate(blobName(layer))
  if (!slice)
    throw notFound(`${layer.digest} in ${archive.path}`, { path: archive.path, digest: layer.digest })
  for await (const chunk of readFileSlice(cut(slice, options.range)) satisfies BlobSource) {
    options.signal?.throwIfAborted()
    yield chunk
  }
}
