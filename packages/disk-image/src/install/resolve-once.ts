import type { ImageTransport, ResolvedImage } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core'

/**
 * The same transports, which answer a question the second time as they did the first: a tag that moves while a disk is
 * made must not give it the identity of one image and the content of another.
 */
export function resolveOnce(transports: readonly ImageTransport[]): ImageTransport[] {
  return transports.map((transport) => {
    const answers = new Map<string, Promise<ResolvedImage>>()
    const { openLocalTree } = transport
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
      ...(openLocalTree === undefined
        ? {}
        : { openLocalTree: (...args) => openLocalTree.call(transport, ...args) }),
    }
  })
}
