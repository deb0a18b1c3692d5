import { BootcError, type ImageTransport, type SignaturePolicy } from '@bootc-sdk/core'

/**
 * This machine's containers-policy.json(5).
 *
 * @param path another file than the machine's
 */
export async function openPolicy(
  transports: readonly ImageTransport[],
  path?: string,
): Promise<SignaturePolicy> {
  const { containersPolicy, loadPolicy } = await import('@bootc-sdk/core/containers-conf')
  const { signaturesFrom } = await import('@bootc-sdk/core/transports')
  return containersPolicy({
    policy: () => loadPolicy(path === undefined ? {} : { path }),
    signatures: signaturesFrom(transports),
    verifiers: loadVerifiers,
  })
}

/** Loaded for policies that ask for signatures, and a package that may have been left out. */
async function loadVerifiers() {
  const { signatureVerifiers } = await import('@bootc-sdk/signatures').catch((cause: unknown) => {
    throw new BootcError(
      'IMAGE_POLICY_UNSUPPORTED',
      'the policy asks for a signature, and @bootc-sdk/signatures is not installed',
      { cause },
    )
  })
  return signatureVerifiers()
}
