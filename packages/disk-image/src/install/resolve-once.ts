import type { ImageTransport, ResolvedImage } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core'

/**
 * The same transports, which answer a question the second time as they did the first: a tag that moves while a disk is
 * made must not give it the identity of one image and the content of another.
 */
export function resolveOnce(transports: readonly ImageTransport[]): ImageTransport[] {
  return transports.map((transport) => {
    const answers = new Map<string, Promise<ResolvedImage>>()
    return {
      name: transport.name,
      transports: transport.transports,
      supports: transport.supports,
      resolve(reference, options = {}) {
        const key = JSON.stringify([printImageReference(reference), options.platform])
        const known = answers.get(key)
        if (known !== undefined) return known
        const answer = transport.resolve(reference, options)
        answers.set(key, answer)
        return answer
      },
      openLayer: (...args) => transport.openLayer(...args),
      ...optional(transport),
    }
  })
}

/** What not every transport has: without its signatures a policy would refuse an image that is signed. */
function optional(transport: ImageTransport): Partial<ImageTransport> {
  const { forgetLayer, openLocalTree, signatures, openRaw, askDigest } = transport
  return {
    ...(forgetLayer && { forgetLayer: (...args) => forgetLayer.call(transport, ...args) }),
    ...(openLocalTree && { openLocalTree: (...args) => openLocalTree.call(transport, ...args) }),
    ...(signatures && { signatures: (...args) => signatures.call(transport, ...args) }),
    ...(openRaw && { openRaw: (...args) => openRaw.call(transport, ...args) }),
    ...(askDigest && { askDigest: (...args) => askDigest.call(transport, ...args) }),
  }
}
