import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { parseStrictJson, type JsonObject, type JsonValue } from '@bootc-sdk/core/oci'
import { dsse } from '@sigstore/core'
import { isSignedBy } from './blob-signature.js'
import { base64Of, publicKeyOf } from './pem.js'

/** What a statement has to say about its subject; others, such as lists of packages, sign nothing. */
const signPredicate = 'https://sigstore.dev/cosign/sign/v1'
const statementType = 'https://in-toto.io/Statement/v1'
const payloadType = 'application/vnd.in-toto+json'
const bundleTypes: ReadonlySet<unknown> = new Set(['application/vnd.dev.sigstore.bundle.v0.3+json'])

/**
 * Verify a bundle that `cosign sign --key` of cosign 3 makes: a signed statement about a digest. It names no
 * repository. Logs, certificates and time stamps in it are not asked.
 *
 * @param manifestDigest `sha256:HEX` of what is to be signed
 * @param keys public keys in PEM, any of which suffices
 * @throws SignatureRejection
 * @see cosign 3.1, in-toto Statement v1, DSSE 1.0, sigstore protobuf-specs bundle v0.3
 */
export function verifyBundle(bundle: Uint8Array, manifestDigest: string, keys: readonly Uint8Array[]): void {
  const { mediaType, dsseEnvelope } = objectOf(bundle, 'the bundle')
  if (!bundleTypes.has(mediaType)) throw new SignatureRejection('the bundle is not of version 0.3')
  const envelope = asObject(dsseEnvelope, 'dsseEnvelope')
  if (envelope['payloadType'] !== payloadType) {
    throw new SignatureRejection('the bundle holds something else than a statement')
  }
  const payload = base64Of(envelope['payload'], 'payload of the bundle')
  const signed = dsse.preAuthEncoding(payloadType, payload)
  const { signatures } = envelope
  if (!Array.isArray(signatures) || signatures.length !== 1) {
    throw new SignatureRejection('the bundle does not have exactly one signature')
  }
  const signature = base64Of(asObject(signatures[0], 'signature')['sig'], 'signature of the bundle')
  const known = keys.map((pem, index) => publicKeyOf(pem, `key ${index + 1}`))
  if (!known.some((key) => isSignedBy(key, signed, signature))) {
    throw new SignatureRejection('cryptographic signature verification failed')
  }
  checkStatement(objectOf(payload, 'the statement'), manifestDigest)
}

/** Only what has been verified comes here. */
function checkStatement(statement: JsonObject, manifestDigest: string): void {
  if (statement['_type'] !== statementType) throw new SignatureRejection('the statement is of another type')
  if (statement['predicateType'] !== signPredicate) {
    throw new SignatureRejection('the statement is not a signature, but says something else about the image')
  }
  const { subject } = statement
  if (!Array.isArray(subject)) throw new SignatureRejection('the statement has no subjects')
  const [algorithm = '', hex] = manifestDigest.split(':')
  if (subject.some((one) => asObject(asObject(one, 'subject')['digest'], 'digest')[algorithm] === hex)) return
  throw new SignatureRejection(`the statement is not about ${manifestDigest}`)
}

function objectOf(bytes: Uint8Array, what: string): JsonObject {
  try {
    return asObject(parseStrictJson(bytes), what)
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new SignatureRejection(`${what} is not JSON: ${cause.message}`)
  }
}

function asObject(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new SignatureRejection(`${what} of the bundle is not an object`)
}
