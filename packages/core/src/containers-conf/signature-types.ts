/** A signature as it is kept, before anything of it is believed. */
export type ImageSignature =
  /** One OpenPGP message that holds the signed payload. */
  | { readonly kind: 'simple'; readonly message: Uint8Array }
  /** A layer of a cosign attachment. */
  | {
      readonly kind: 'sigstore'
      readonly mimeType: string
      /** The bytes that are signed. */
      readonly payload: Uint8Array
      readonly annotations: Readonly<Record<string, string>>
    }
  /** There is a signature of a kind that no requirement of a policy can be about. */
  | {
      readonly kind: 'unsupported'
      /** Media type. */
      readonly format: string
      /** A sigstore bundle. It names no repository, so that no `signedIdentity` could hold. */
      readonly bundle?: Uint8Array
    }

/** Media type of cosign's signatures; other layers of an attachment are something else. */
export const sigstoreSignatureType = 'application/vnd.dev.cosign.simplesigning.v1+json'

/** Annotations of a cosign signature. */
export const sigstoreAnnotations = {
  signature: 'dev.cosignproject.cosign/signature',
  rekorSet: 'dev.sigstore.cosign/bundle',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
} as const

const brand = Symbol.for('bootc.signature-rejection')

/** Why a signature is not accepted. Verifiers throw it; everything else that they throw is a fault of theirs. */
export class SignatureRejection extends Error {
  /** Survives several copies of this module in one process. */
  readonly [brand] = true
}

export function isSignatureRejection(error: unknown): error is SignatureRejection {
  return error instanceof Error && brand in error
}

/** Keys and certificates of a `sigstoreSigned` requirement, read from their files; PEM. */
export interface SigstoreTrust {
  readonly kind: 'keys' | 'fulcio' | 'pki'
  /** With `keys`. */
  readonly keys?: readonly Uint8Array[]
  readonly fulcio?: { readonly ca: Uint8Array; readonly oidcIssuer: string; readonly subjectEmail: string }
  readonly pki?: {
    readonly roots: Uint8Array
    readonly intermediates?: Uint8Array
    readonly subjectEmail?: string
    readonly subjectHostname?: string
  }
  /** At least one of these logs must have seen the signature; undefined: none need to. */
  readonly rekorKeys?: readonly Uint8Array[]
}

/**
 * The cryptography behind policies. `signatureVerifiers()` of `@bootc-sdk/signatures` is one; core itself has none,
 * and without it every requirement of a signature fails.
 */
export interface SignatureVerifiers {
  /**
   * The content of an OpenPGP message that was signed by a key of the keyrings.
   *
   * @throws SignatureRejection for other signers, expired or revoked keys, anything but one good signature
   */
  openpgp(message: Uint8Array, keyrings: readonly Uint8Array[]): Promise<Uint8Array>
  /**
   * Verify the signature over `signature.payload`, byte for byte, under the trust given.
   *
   * @throws SignatureRejection
   */
  sigstore(signature: ImageSignature & { kind: 'sigstore' }, trust: SigstoreTrust): Promise<void>
}
