import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { isBootcError, type BootcError } from '@bootc-sdk/core'
import type { SignType } from '../format/signatures.js'
import { badKey } from './errors.js'

/** A public key, and the bytes by which it is told from others. */
export interface PublicKey {
  /** Of the bytes that libostree compares: 32 raw ones for ed25519, the DER for spki. */
  readonly hex: string
  readonly key: KeyObject
}

const ed25519SignatureBytes = 64
/** Shortest RSA modulus that counts. */
const minRsaBits = 2048
/** SubjectPublicKeyInfo and PKCS #8 around 32 bytes of Ed25519. @see RFC 8410 */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * A key as configuration files and command lines have it: base64 of 32 bytes (ed25519) or of a DER
 * SubjectPublicKeyInfo (spki).
 *
 * @param where for messages
 * @throws BootcError `STORE_OSTREE_KEY`
 */
export function publicKeyOfText(type: SignType, text: string, where: string): PublicKey {
  const bytes = fromBase64(text, where)
  if (type === 'ed25519' && bytes.length !== 32) throw badKey(where, `${bytes.length} bytes instead of 32`)
  const der = type === 'ed25519' ? Buffer.concat([spkiPrefix, bytes]) : bytes
  return { hex: bytes.toString('hex'), key: publicKeyOfDer(der, where) }
}

/**
 * Keys of a file: a base64 line for each (ed25519), `PUBLIC KEY` blocks of PEM (spki). As in libostree, lines that
 * are no key do not matter as long as one is.
 *
 * @throws BootcError `STORE_OSTREE_KEY` when nothing in it can be used
 */
export function publicKeysOfFile(type: SignType, text: string, where: string): PublicKey[] {
  if (type === 'spki')
    return pemBlocks(text, 'PUBLIC KEY', where).map((body) => publicKeyOfText(type, body, where))
  const keys: PublicKey[] = []
  let problem: BootcError | undefined
  for (const line of linesOf(text)) {
    try {
      keys.push(publicKeyOfText(type, line, where))
    } catch (error) {
      if (!isBootcError(error, 'STORE_OSTREE_KEY')) throw error
      problem ??= error
    }
  }
  if (keys.length === 0) throw problem ?? badKey(where, 'nothing in the file')
  return keys
}

/**
 * The same for keys that are revoked: a line that cannot be read might be any key, so each must be one.
 *
 * @throws BootcError `STORE_OSTREE_KEY`
 */
export function revokedKeysOfFile(type: SignType, text: string, where: string): PublicKey[] {
  if (type === 'spki') return publicKeysOfFile(type, text, where)
  return linesOf(text).map((line) => publicKeyOfText(type, line, where))
}

/**
 * base64 of seed and public key, 64 bytes (ed25519), or of the DER of a private key (spki).
 *
 * @throws BootcError `STORE_OSTREE_KEY`
 */
export function secretKeyOfText(type: SignType, text: string, where: string): KeyObject {
  const bytes = fromBase64(text, where)
  if (type === 'ed25519' && bytes.length !== 64) throw badKey(where, `${bytes.length} bytes instead of 64`)
  const der = type === 'ed25519' ? Buffer.concat([pkcs8Prefix, bytes.subarray(0, 32)]) : bytes
  // As OpenSSL does, whatever is inside says what it is.
  for (const form of ['pkcs8', 'sec1', 'pkcs1'] as const) {
    try {
      const key = createPrivateKey({ key: der, format: 'der', type: form })
      checkStrength(key, where)
      return key
    } catch (error) {
      if (isBootcError(error)) throw error
    }
  }
  throw badKey(where, 'no secret key of this kind')
}

/** A base64 line for each (ed25519), `PRIVATE KEY` blocks of PEM (spki). @throws BootcError `STORE_OSTREE_KEY` */
export function secretKeysOfFile(type: SignType, text: string, where: string): KeyObject[] {
  const texts = type === 'spki' ? pemBlocks(text, 'PRIVATE KEY', where) : linesOf(text)
  if (texts.length === 0) throw badKey(where, 'nothing in the file')
  return texts.map((each) => secretKeyOfText(type, each, where))
}

/** Ed25519, or what OpenSSL signs with by default: SHA-256. */
export function signBytes(key: KeyObject, bytes: Uint8Array): Buffer {
  return sign(isEdwards(key) ? null : 'sha256', bytes, key)
}

/** What is no signature at all is no good one. */
export function isSignedBy({ key }: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(isEdwards(key) ? null : 'sha256', bytes, key, signature)
  } catch {
    return false
  }
}

/** libostree gives up at a signature that cannot be one. */
export function isPossibleSignature(type: SignType, signature: Uint8Array): boolean {
  return type !== 'ed25519' || signature.length === ed25519SignatureBytes
}

function publicKeyOfDer(der: Buffer, where: string): KeyObject {
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    checkStrength(key, where)
    return key
  } catch (cause) {
    throw unusable(where, cause)
  }
}

function checkStrength(key: KeyObject, where: string): void {
  const { modulusLength } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < minRsaBits) {
    throw badKey(where, `an RSA key of ${modulusLength} bits is too short`)
  }
}

/** What the crypto library says about bytes it cannot read is not worth repeating. */
function unusable(where: string, cause: unknown): BootcError {
  return isBootcError(cause, 'STORE_OSTREE_KEY') ? cause : badKey(where, 'no key of this kind', cause)
}

function isEdwards({ asymmetricKeyType }: KeyObject): boolean {
  return asymmetricKeyType === 'ed25519' || asymmetricKeyType === 'ed448'
}

function fromBase64(text: string, where: string): Buffer {
  const compact = text.replace(/\s+/g, '')
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) throw badKey(where, 'no base64')
  return Buffer.from(compact, 'base64')
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** @returns the base64 text of each block */
function pemBlocks(text: string, label: string, where: string): string[] {
  const blocks = [...text.matchAll(/-----BEGIN ([^\n]*?)-----([\s\S]*?)-----END ([^\n]*?)-----/g)]
  const other = blocks.find(([, begin, , end]) => begin !== label || end !== label)
  if (other !== undefined) throw badKey(where, `a block ${JSON.stringify(other[1])} instead of ${label}`)
  if (blocks.length === 0) throw badKey(where, `no PEM block ${label}`)
  return blocks.map(([, , body]) => body!)
}
