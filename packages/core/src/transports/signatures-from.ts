import type { ImageSignature } from '../containers-conf/index.js'
import type { ImageTransport, ResolvedImage, SignaturesOptions } from '../interfaces/transport.js'

/** Reads the signatures of an image through the transport that it came by; none where that has no place for any. */
export function signaturesFrom(
  transports: readonly ImageTransport[],
): (image: ResolvedImage, options: SignaturesOptions) => Promise<readonly ImageSignature[]> {
  return async (image, options) => {
    const transport = transports.find((one) => one.transports.includes(image.reference.transport))
    return (await transport?.signatures?.(image, options)) ?? []
  }
}
