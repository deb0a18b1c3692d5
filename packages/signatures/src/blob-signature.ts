import { verify, type KeyObject } from 'node:crypto'

/** Shortest RSA modulus that counts. */
const minRsaBits = 2048

/**
 * Is this a signature of the bytes by the key? ECDSA in ASN.1 and RSA PKCS #1 v1.5 over SHA-256, or Ed25519.
 *
 * @see cosign 2.5 specs/SIGNATURE_SPEC.md
 */
export function isSignedBy(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return verify('sha256', bytes, { key, dsaEncoding: 'der' }, signature)
    case 'rsa':
      return (
        (key.asymmetricKeyDetails?.modulusLength ?? 0) >= minRsaBits &&
        verify('sha256', bytes, key, signature)
      )
    case 'ed25519':
      return verify(null, bytes, key, signature)
    default:
      return false
  }
}
