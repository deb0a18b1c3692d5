import { BootcError } from '../errors.js'
import type { SignaturePolicy } from '../interfaces/index.js'

/** The policy where none is given: takes `insecure` sources and what the store verifies, refuses the rest. */
export function insecureOnlyPolicy(): SignaturePolicy {
  return {
    check(image, source, options) {
      const isStores = source.kind === 'ostreeRemote' && options?.storeVerifies === true
      if (source.kind === 'insecure' || isStores) return Promise.resolve()
      return Promise.reject(
        new BootcError(
          'IMAGE_POLICY_UNSUPPORTED',
          `image ${image.reference.name} asks for signature mode ${source.kind}, but no policy engine was given`,
          { details: { signature: source.kind, reference: image.reference.name } },
        ),
      )
    },
  }
}
