import { createHash, type KeyObject } from 'node:crypto'
import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { canonicalJson, parseStrictJson, type JsonObject, type JsonValue } from '@bootc-sdk/core/oci'
import { isSignedBy } from './blob-signature.js'
import { base64Of, onlyPemBlock } from './pem.js'

/** What the log is to have seen. */
export interface LoggedSignature {
  /** DER of the public key, or of the certificate. */
  readonly keyOrCertificate: Uint8Array
  readonly signature: Uint8Array
  readonly payload: Uint8Array
}

/**
 * Verify the promise of a transparency log to hold an entry about a signature (signed entry timestamp).
 *
 * @param bundle annotation `dev.sigstore.cosign/bundle`, JSON
 * @param logKeys any one of them suffices
 * @returns when the log saw it, in milliseconds since the epoch
 * @throws SignatureRejection
 * @see Rekor's hashedrekord 0.0.1, containers/image 5.34 signature/internal/rekor_set.go
 */
export function verifyRekorSet(
  bundle: string,
  logKeys: readonly KeyObject[],
  logged: LoggedSignature,
): number {
  const set = object(parse(bundle, 'the log entry'), 'the log entry')
  exactly(set, ['SignedEntryTimestamp', 'Payload'])
  const entry = object(set['Payload'], 'Payload')
  const signature = base64Of(set['SignedEntryTimestamp'], 'SignedEntryTimestamp')
  const signed = Buffer.from(canonicalJson(entry))
  if (!logKeys.some((key) => key.asymmetricKeyType === 'ec' && isSignedBy(key, signed, signature))) {
    throw new SignatureRejection('the log entry is not signed by a log that the policy trusts')
  }
  exactly(entry, ['body', 'integratedTime', 'logIndex', 'logID'])
  const { integratedTime } = entry
  if (typeof integratedTime !== 'number' || !Number.isSafeInteger(integratedTime)) {
    throw new SignatureRejection('the log entry has no time')
  }
  checkRecord(base64Of(entry['body'], 'body of the log entry').toString('utf8'), logged)
  return integratedTime * 1000
}

function checkRecord(body: string, logged: LoggedSignature): void {
  const record = object(parse(body, 'the logged record'), 'the logged record')
  if (record['kind'] !== 'hashedrekord' || record['apiVersion'] !== '0.0.1') {
    throw new SignatureRejection('the log entry is of another kind than hashedrekord 0.0.1')
  }
  const spec = object(record['spec'], 'spec')
  const signature = object(spec['signature'], 'signature')
  const publicKey = object(signature['publicKey'], 'publicKey')
  const pem = base64Of(publicKey['content'], 'publicKey of the log entry')
  if (!onlyPemBlock(pem, 'publicKey of the log entry').der.equals(logged.keyOrCertificate)) {
    throw new SignatureRejection('the log entry is about another key')
  }
  if (!base64Of(signature['content'], 'signature of the log entry').equals(logged.signature)) {
    throw new SignatureRejection('the log entry is about another signature')
  }
  const hash = object(object(spec['data'], 'data')['hash'], 'hash')
  const expected = createHash('sha256').update(logged.payload).digest('hex')
  const { algorithm, value } = hash
  if (algorithm !== 'sha256' || typeof value !== 'string' || value.toLowerCase() !== expected) {
    throw new SignatureRejection('the log entry is about another payload')
  }
}

function parse(text: string, what: string): JsonValue {
  try {
    return parseStrictJson(Buffer.from(text))
  } catch (cause) {
    throw new SignatureRejection(`${what} is not JSON: ${(cause as Error).message}`)
  }
}

function object(value: JsonValue | undefined, what: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new SignatureRejection(`${what} of the log entry is not an object`)
}

function exactly(value: JsonObject, keys: readonly string[]): void {
  const actual = Object.keys(value)
  if (actual.length === keys.length && keys.every((key) => actual.includes(key))) return
  throw new SignatureRejection(`the log entry has other members than ${keys.join(', ')}`)
}
