import type { KeyObject } from 'node:crypto'
import { SignatureRejection, sigstoreAnnotations } from '@bootc-sdk/core/containers-conf'
import type { ImageSignature, SigstoreTrust } from '@bootc-sdk/core/containers-conf'
import { ASN1Obj } from '@sigstore/core'
import { isSignedBy } from './blob-signature.js'
import { verifyChain } from './certificate-chain.js'
import { emailsOf, extensionValues, parseCertificates, type Certificate } from './certificate.js'
import { base64Of, publicKeyOf } from './pem.js'
import { verifyRekorSet } from './rekor-set.js'

type Signature = ImageSignature & { readonly kind: 'sigstore' }

/**
 * Verify a cosign signature over its payload: find the key that may speak under the trust given, then check the
 * signature with it. What the payload says is for the caller to judge.
 *
 * @param now milliseconds since the epoch, for certificates that no log has seen
 * @throws SignatureRejection
 * @see cosign 2.5 specs/SIGNATURE_SPEC.md, containers/image 5.34 signature/policy_eval_sigstore.go
 */
export async function verifySigstore(signature: Signature, trust: SigstoreTrust, now: number): Promise<void> {
  const { payload, annotations } = signature
  const bytes = base64Of(annotation(signature, 'signature'), 'the signature')
  const logKeys = trust.rekorKeys?.map((pem, i) => logKey(pem, i))
  const seen = (keyOrCertificate: Uint8Array): number => {
    const bundle = annotations[sigstoreAnnotations.rekorSet]
    if (bundle === undefined) throw new SignatureRejection('the signature has no log entry')
    return verifyRekorSet(bundle, logKeys ?? [], { keyOrCertificate, signature: bytes, payload })
  }
  const keys = speakers(signature, trust, now, logKeys === undefined ? undefined : seen)
  if (keys.some((key) => isSignedBy(key, payload, bytes))) return Promise.resolve()
  throw new SignatureRejection('cryptographic signature verification failed')
}

/** Keys that may have signed. */
function speakers(
  signature: Signature,
  trust: SigstoreTrust,
  now: number,
  seen: ((keyOrCertificate: Uint8Array) => number) | undefined,
): KeyObject[] {
  switch (trust.kind) {
    case 'keys': {
      const keys = (trust.keys ?? []).map((pem, i) => publicKeyOf(pem, `key ${i + 1} of the policy`))
      return seen === undefined ? keys : keysSeen(keys, seen)
    }
    case 'fulcio':
      return [fulcioKey(signature, trust, seen)]
    case 'pki':
      return [pkiKey(signature, trust, now)]
  }
}

/** A log entry is about one key: the first that it fits is the only one that may have signed. */
function keysSeen(keys: readonly KeyObject[], seen: (key: Uint8Array) => number): KeyObject[] {
  let reason: unknown = new SignatureRejection('the policy gives no keys')
  for (const key of keys) {
    try {
      seen(key.export({ type: 'spki', format: 'der' }))
      return [key]
    } catch (error) {
      reason = error
    }
  }
  throw reason
}

/** The certificate must have been valid when the log saw the signature, and say who asked for it. */
function fulcioKey(
  signature: Signature,
  { fulcio }: SigstoreTrust,
  seen: ((certificate: Uint8Array) => number) | undefined,
): KeyObject {
  if (fulcio === undefined || seen === undefined) throw new SignatureRejection('fulcio without keys of a log')
  const leaf = leafOf(signature)
  const time = seen(leaf.der)
  verifyChain(leaf, intermediatesOf(signature), rootsOf(fulcio.ca), time)
  const issuer = oidcIssuer(leaf)
  if (issuer !== fulcio.oidcIssuer) {
    throw new SignatureRejection(`the certificate is for users of ${JSON.stringify(issuer)}`)
  }
  requireEmail(leaf, fulcio.subjectEmail)
  return leaf.publicKey
}

function pkiKey(signature: Signature, { pki }: SigstoreTrust, now: number): KeyObject {
  if (pki === undefined) throw new SignatureRejection('the policy gives no CA')
  const leaf = leafOf(signature)
  const known =
    pki.intermediates === undefined ? [] : parseCertificates(pki.intermediates, 'an intermediate CA')
  verifyChain(leaf, [...known, ...intermediatesOf(signature)], rootsOf(pki.roots), now)
  if (pki.subjectEmail !== undefined) requireEmail(leaf, pki.subjectEmail)
  const { subjectHostname } = pki
  if (
    subjectHostname !== undefined &&
    leaf.node.checkHost(subjectHostname, { subject: 'never' }) === undefined
  ) {
    throw new SignatureRejection(`the certificate is not for ${JSON.stringify(subjectHostname)}`)
  }
  return leaf.publicKey
}

function leafOf(signature: Signature): Certificate {
  const found = parseCertificates(annotation(signature, 'certificate'), 'the certificate')
  if (found.length === 1) return found[0]!
  throw new SignatureRejection(`${found.length} certificates instead of one`)
}

/** The last one claims to be the root, which nobody takes from a signature. */
function intermediatesOf({ annotations }: Signature): Certificate[] {
  const chain = annotations[sigstoreAnnotations.chain]
  return chain === undefined ? [] : parseCertificates(chain, 'the chain').slice(0, -1)
}

function rootsOf(pem: Uint8Array): Certificate[] {
  const roots = parseCertificates(pem, 'a CA of the policy')
  if (roots.length === 0) throw new SignatureRejection('the policy gives no certificates of CAs')
  return roots
}

/** Who vouched for the signer: an old extension holds plain text, its successor a UTF8String. */
function oidcIssuer(leaf: Certificate): string {
  const old = extensionValues(leaf, '1.3.6.1.4.1.57264.1.1').map((value) => value.toString('utf8'))
  const current = extensionValues(leaf, '1.3.6.1.4.1.57264.1.8').map(utf8String)
  const issuers = new Set([...old, ...current])
  if (old.length > 1 || current.length > 1) throw new SignatureRejection('the certificate repeats its issuer')
  if (issuers.size > 1) throw new SignatureRejection('the certificate contradicts itself about its issuer')
  const [issuer] = issuers
  if (issuer === undefined)
    throw new SignatureRejection('the certificate does not say who vouched for the signer')
  return issuer
}

function utf8String(value: Buffer): string {
  try {
    const parsed = ASN1Obj.parseBuffer(Buffer.from(value))
    if (parsed.toDER().length === value.length && value[0] === 0x0c) return parsed.value.toString('utf8')
  } catch {
    // Below.
  }
  throw new SignatureRejection('the issuer in the certificate is no UTF8String')
}

function requireEmail(leaf: Certificate, email: string): void {
  if (emailsOf(leaf).includes(email)) return
  throw new SignatureRejection(`the certificate is not for ${JSON.stringify(email)}`)
}

function logKey(pem: Uint8Array, index: number): KeyObject {
  const key = publicKeyOf(pem, `key ${index + 1} of the log`)
  if (key.asymmetricKeyType === 'ec') return key
  throw new SignatureRejection(`key ${index + 1} of the log is not ECDSA`)
}

function annotation({ annotations }: Signature, name: keyof typeof sigstoreAnnotations): string {
  const value = annotations[sigstoreAnnotations[name]]
  if (value !== undefined) return value
  throw new SignatureRejection(`the signature has no annotation ${sigstoreAnnotations[name]}`)
}
