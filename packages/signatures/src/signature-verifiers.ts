import type { SignatureVerifiers } from '@bootc-sdk/core/containers-conf'

export interface VerifierOptions {
  /** Milliseconds since the epoch, for what expires; default the clock. */
  readonly now?: () => number
}

/**
 * The cryptography behind `signedBy` and `sigstoreSigned` of containers-policy.json(5), for `containersPolicy` of
 * core. OpenPGP and X.509 are loaded when the first signature of their kind has to be verified.
 */
export function signatureVerifiers(options: VerifierOptions = {}): SignatureVerifiers {
  const { now = Date.now } = options
  return {
    async openpgp(message, keyrings) {
      const { verifyOpenPgp } = await import('./openpgp.js')
      return verifyOpenPgp(message, keyrings, now())
    },
    async sigstore(signature, trust) {
      const { verifySigstore } = await import('./sigstore.js')
      await verifySigstore(signature, trust, now())
    },
  }
}

/**
 * A check of detached OpenPGP signatures, as OSTree remotes with `gpg-verify` need it (`TrustOptions.openpgp` of
 * @bootc-sdk/ostree-backend).
 *
 * @returns resolves to who made a good signature, or to what is wrong with each
 */
export function detachedOpenPgp(
  options: VerifierOptions = {},
): (
  content: Uint8Array,
  signatures: readonly Uint8Array[],
  keyrings: readonly Uint8Array[],
) => Promise<{ readonly signer?: string; readonly problems: readonly string[] }> {
  const { now = Date.now } = options
  return async (content, signatures, keyrings) => {
    const { verifyDetachedOpenPgp } = await import('./detached-openpgp.js')
    return verifyDetachedOpenPgp(content, signatures, keyrings, now())
  }
}

/**
 * OpenPGP public keys in binary form, as keyrings have them.
 *
 * @param bytes binary or armored
 * @throws SignatureRejection when they cannot be read
 */
export async function binaryOpenPgpKeys(bytes: Uint8Array): Promise<Uint8Array> {
  const { binaryKeys } = await import('./detached-openpgp.js')
  return binaryKeys(bytes)
}
