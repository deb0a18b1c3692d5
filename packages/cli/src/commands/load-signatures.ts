import { BootcError } from '@bootc-sdk/core'

/** Loaded when a signature is to be verified; the package may have been left out. */
export async function loadSignatures(): Promise<typeof import('@bootc-sdk/signatures')> {
  return import('@bootc-sdk/signatures').catch((cause: unknown) => {
    throw new BootcError(
      'IMAGE_POLICY_UNSUPPORTED',
      'a signature is to be verified, and @bootc-sdk/signatures is not installed',
      { cause },
    )
  })
}
