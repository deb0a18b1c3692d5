import { createHash, hash as hashOf, type Hash } from 'node:crypto'
import type { Codec } from '../codec/index.js'
import type { Digest } from '../interfaces/common.js'
import type { Lease, LayerTar } from '../interfaces/store.js'
import type { ImageTransport, ResolvedImage } from '../interfaces/transport.js'
import type { Descriptor } from '../oci/types.js'
import { createTarParser, type TarEntry } from '../tar/index.js'
import type { FileNode } from './nodes.js'

export interface LayerReading {
  readonly transport: ImageTransport
  readonly image: ResolvedImage
  readonly codec: Codec
  readonly signal?: AbortSignal | undefined
  /** Digest the content of every file. */
  readonly withDigests: boolean
  readonly onBytes?: (descriptor: Descriptor, bytes: number) => void
}

/**
 * Read one layer: blob and diff id are checked, entries and their content are handed on in archive order.
 *
 * @param add what an entry becomes; a file it returns gets its content's digest
 * @param keep every chunk of the archive, before the next one is read; only on loan
 * @throws BootcError what the transport and the decoder throw, `IMAGE_TAR_*`
 */
export async function readLayer(
  reading: LayerReading,
  layer: Descriptor,
  diffId: Digest,
  add: (entry: TarEntry) => FileNode | undefined,
  keep?: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const { transport, image, codec, signal, withDigests, onBytes } = reading
  const served = image.served?.get(layer.digest) ?? layer
  const tar = codec.decodeLayer(
    transport.openLayer(image, layer, { signal }),
    { digest: served.digest, sizeBytes: served.size, diffId },
    { signal, onBytes: (bytes) => onBytes?.(layer, bytes) },
  )
  let file: FileNode | undefined
  let hash: Hash | undefined
  const parser = createTarParser(
    {
      entry(entry) {
        file = add(entry)
        hash = undefined
        if (withDigests && file?.sizeBytes === 0) file.contentDigest = ''
      },
      data(chunk) {
        if (!withDigests || file === undefined) return
        // Nearly all come in one piece, and objects that hash cost more than hashing.
        if (chunk.length === file.sizeBytes) file.contentDigest = hashOf('sha256', chunk, 'hex')
        else (hash ??= createHash('sha256')).update(chunk)
      },
      end() {
        if (file !== undefined && hash !== undefined) file.contentDigest = hash.digest('hex')
      },
    },
    { paxGlobal: 'apply' },
  )
  for await (const { data, release } of onLoan(tar)) {
    try {
      signal?.throwIfAborted()
      parser.push(data)
      await keep?.(data)
    } finally {
      release()
    }
  }
  parser.end()
}

/** Chunks that the decoder wants back, where it lends them. */
async function* onLoan(tar: LayerTar): AsyncGenerator<Pick<Lease, 'data'> & { release(): void }> {
  if (tar.leases === undefined) {
    for await (const data of tar) yield { data, release: () => undefined }
  } else {
    for await (const lease of tar.leases()) yield { data: lease.data, release: () => lease.release() }
  }
}
