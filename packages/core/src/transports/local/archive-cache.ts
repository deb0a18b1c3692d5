import { statSync } from 'node:fs'
import { DEFAULT_MAX_OUTPUT_BYTES, readFileSlice } from '../../codec/index.js'
import type { BlobSource, ImageTransport } from '../../interfaces/transport.js'
import type { Descriptor } from '../../oci/types.js'
import { notFound } from '../transport-errors.js'
import { archiveIdentity, openArchive } from './archive-file.js'
import type { OpenArchive } from './archive-file.js'
import { cut, localLayer } from './layout-transport.js'

export interface ArchiveCacheOptions {
  /** For compressed archives, which are unpacked there without a name; default /var/tmp. */
  readonly temporaryDir?: string | undefined
  /** Largest archive when unpacked; default 64 GiB. */
  readonly maxBytes?: number | undefined
}

type LayerOptions = NonNullable<Parameters<ImageTransport['openLayer']>[2]>

/** Archives that a transport has indexed, until their files change or it is closed. */
export interface ArchiveCache {
  open(path: string, signal?: AbortSignal): Promise<OpenArchive>
  /** A member as a layer; what is wrong is told when it is read. */
  layer(path: string, layer: Descriptor, member: string, options: LayerOptions): BlobSource
  /** Drop unpacked copies. Repeatable. */
  close(): Promise<void>
}

/** @param links symbolic links lead to members, instead of being refused */
export function archiveCache(options: ArchiveCacheOptions, links = false): ArchiveCache {
  const archives = new Map<string, Promise<OpenArchive>>()
  const ready = new Map<string, OpenArchive>()

  const open = async (path: string, signal?: AbortSignal): Promise<OpenArchive> => {
    const identity = await archiveIdentity(path)
    const known = await archives.get(path)?.catch(() => undefined)
    if (known?.identity === identity) return known
    const opening = openArchive(path, {
      temporaryDir: options.temporaryDir ?? '/var/tmp',
      maxBytes: options.maxBytes ?? DEFAULT_MAX_OUTPUT_BYTES,
      links,
      signal,
    })
    archives.set(path, opening)
    const opened = await opening
    ready.set(path, opened)
    known?.close()
    return opened
  }

  return {
    open,
    layer(path, layer, member, layerOptions) {
      const archive = ready.get(path)
      if (archive && isUnchanged(archive)) {
        const source = localLayer(path, layer, () => archive.locate(member), layerOptions)
        // An unpacked copy lives as long as somebody can reach its archive.
        return Object.assign(source, { archive })
      }
      return openedLater(() => open(path, layerOptions.signal), layer, member, layerOptions)
    },
    async close() {
      const all = [...archives.values()]
      archives.clear()
      ready.clear()
      for (const archive of all) await archive.then((opened) => opened.close()).catch(() => undefined)
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
  open: () => Promise<OpenArchive>,
  { digest }: Descriptor,
  member: string,
  { range, signal }: LayerOptions,
): AsyncGenerator<Uint8Array> {
  const archive = await open()
  const slice = archive.locate(member)
  if (!slice) throw notFound(`${digest} in ${archive.path}`, { path: archive.path, digest })
  for await (const chunk of readFileSlice(cut(slice, range)) satisfies BlobSource) {
    signal?.throwIfAborted()
    yield chunk
  }
}
