import type { Bytes } from '../interfaces/common.js'
import type { ImageTransport } from '../interfaces/transport.js'
import { digestHex } from '../oci/index.js'
import type { TransportName } from '../oci/reference.js'
import type { Descriptor } from '../oci/types.js'
import { resolveImage } from '../transports/resolve-image.js'
import { notFound } from '../transports/transport-errors.js'
import { allBlobs } from './image-builder.js'
import type { BuiltImage, BuiltIndex } from './image-builder.js'

export interface MemoryTransportOptions {
  /** Reference transports that it serves; default `registry` alone. */
  readonly transports?: readonly TransportName[]
  /** Bytes of one chunk; default 64 KiB. */
  readonly chunkBytes?: number
  /** Bytes to serve instead of a layer's own, or a thrown error. */
  readonly spoil?: (layer: Descriptor, blob: Uint8Array) => Uint8Array | Bytes | undefined
}

export interface MemoryTransport extends ImageTransport {
  /** By name, as references have it. Change it and the next `resolve` sees it. */
  readonly images: Map<string, BuiltImage | BuiltIndex>
  /** `resolve NAME` and `layer DIGEST`, in order. */
  readonly log: string[]
}

/** Images by name, without network or files. */
export function memoryTransport(
  images: Readonly<Record<string, BuiltImage | BuiltIndex>> = {},
  options: MemoryTransportOptions = {},
): MemoryTransport {
  const held = new Map(Object.entries(images))
  const log: string[] = []
  const blob = (name: string, digest: Descriptor['digest']): Uint8Array => {
    const image = held.get(name)
    // An image that was replaced meanwhile is still served by digest, as registries do.
    const candidates = image ? [image, ...held.values()] : [...held.values()]
    for (const candidate of candidates) {
      const bytes = allBlobs(candidate).get(digest)
      if (bytes) return bytes
    }
    throw notFound(digest, { digest })
  }
  return {
    images: held,
    log,
    name: 'memory',
    transports: options.transports ?? ['registry'],
    supports: { range: true, localTree: false },
    async resolve(reference, resolveOptions = {}) {
      resolveOptions.signal?.throwIfAborted()
      const { name } = reference
      log.push(`resolve ${name}`)
      const image = held.get(name)
      if (!image) throw notFound(name, { reference: name })
      const top = 'images' in image ? image.bytes : image.manifestBytes
      return resolveImage(
        {
          reference,
          top: { bytes: top },
          readManifest: async ({ digest }) => ({ bytes: blob(name, digest) }),
          readConfig: async ({ digest }) => blob(name, digest),
        },
        resolveOptions,
      )
    },
    openLayer({ reference }, layer, openOptions = {}) {
      const { signal, range } = openOptions
      async function* read(): AsyncGenerator<Uint8Array> {
        signal?.throwIfAborted()
        log.push(`layer ${digestHex(layer.digest).slice(0, 12)}`)
        const whole = blob(reference.name, layer.digest)
        const served = options.spoil?.(layer, whole) ?? whole
        if (!(served instanceof Uint8Array)) return yield* served
        const part = range ? served.subarray(range.start, range.end) : served
        const chunkBytes = options.chunkBytes ?? 64 * 1024
        for (let at = 0; at < part.length; at += chunkBytes) {
          signal?.throwIfAborted()
          yield Uint8Array.from(part.subarray(at, at + chunkBytes))
        }
      }
      return { [Symbol.asyncIterator]: read }
    },
  }
}
