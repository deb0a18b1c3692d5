import { createHash } from 'node:crypto'
import { digestAlgorithm } from '../oci/digest.js'
import { policyInvalid } from './conf-error.js'
import { matchesIdentity } from './match-identity.js'
import type { PolicyBytes, PolicyRequirement, SignedBy, SigstoreSigned } from './policy-types.js'
import { parseSignedPayload, type SignedPayload } from './signed-payload.js'
import { isSignatureRejection, SignatureRejection, sigstoreSignatureType } from './signature-types.js'
import type { ImageSignature, SignatureVerifiers, SigstoreTrust } from './signature-types.js'

/** One image under judgement. */
export interface Judged {
  /** Manifest or index that the reference names, as served. */
  readonly topBytes: Uint8Array
  /** `host/repository:tag`; undefined where the transport has no such names. */
  readonly dockerReference: string | undefined
  /** Read at most once, and only when a requirement asks. */
  signatures(): Promise<readonly ImageSignature[]>
}

/** What judging needs besides the policy. */
export interface Judges {
  verifiers(): Promise<SignatureVerifiers>
  /** A key or certificate that the policy names. Undefined when there is no such file. */
  readFile(path: string): Promise<Uint8Array | undefined>
}

/** Undefined when the requirement holds, else why it does not. */
export type Refusal = undefined | { readonly reason: string; readonly unsupported?: readonly string[] }

/**
 * Judge an image by one requirement.
 *
 * @throws BootcError `IMAGE_POLICY_INVALID` for keys that cannot be read, and what reading signatures throws
 */
export async function checkRequirement(
  requirement: PolicyRequirement,
  image: Judged,
  judges: Judges,
): Promise<Refusal> {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return undefined
    case 'reject':
      return { reason: 'such images are rejected' }
    case 'signedBaseLayer':
      return { reason: 'signatures of base layers cannot be verified by anything' }
    case 'signedBy':
      if (requirement.keyType !== 'GPGKeys')
        return { reason: `keyType ${requirement.keyType} is not implemented` }
      return anySignature(image, 'simple', (one) => checkSimple(one, requirement, image, judges))
    case 'sigstoreSigned':
      return anySignature(image, 'sigstore', (one) => checkSigstore(one, requirement, image, judges))
  }
}

async function anySignature<K extends 'simple' | 'sigstore'>(
  image: Judged,
  kind: K,
  check: (signature: ImageSignature & { kind: K }) => Promise<void>,
): Promise<Refusal> {
  const all = await image.signatures()
  const reasons: string[] = []
  for (const signature of all) {
    if (!isOfKind(signature, kind)) continue
    try {
      await check(signature)
      return undefined
    } catch (error) {
      if (!isSignatureRejection(error)) throw error
      reasons.push(error.message)
    }
  }
  if (reasons.length === 1) return { reason: reasons[0]! }
  if (reasons.length > 1)
    return { reason: `none of ${reasons.length} signatures is accepted: ${reasons.join('; ')}` }
  const unsupported = all.flatMap((one) => (one.kind === 'unsupported' ? [one.format] : []))
  const others = all.length - unsupported.length
  const kindName = kind === 'simple' ? 'simple signing' : 'sigstore'
  const tail = others === 0 ? '' : ` of kind ${kindName} (there are ${others} others)`
  const reason = `a signature was required, but no signature exists${tail}`
  return { reason, ...(unsupported.length === 0 ? {} : { unsupported }) }
}

function isOfKind<K extends 'simple' | 'sigstore'>(
  signature: ImageSignature,
  kind: K,
): signature is ImageSignature & { kind: K } {
  if (signature.kind !== kind) return false
  return signature.kind !== 'sigstore' || signature.mimeType === sigstoreSignatureType
}

async function checkSimple(
  { message }: ImageSignature & { kind: 'simple' },
  requirement: SignedBy,
  image: Judged,
  judges: Judges,
): Promise<void> {
  if (requirement.keys.length === 0) throw new SignatureRejection('the policy names no keys')
  const keyrings = await readAll(requirement.keys, judges)
  const content = await (await judges.verifiers()).openpgp(message, keyrings)
  checkPayload(parseSignedPayload(content, 'simple'), requirement, image)
}

async function checkSigstore(
  signature: ImageSignature & { kind: 'sigstore' },
  requirement: SigstoreSigned,
  image: Judged,
  judges: Judges,
): Promise<void> {
  const trust = await readTrust(requirement, judges)
  await (await judges.verifiers()).sigstore(signature, trust)
  checkPayload(parseSignedPayload(signature.payload, 'sigstore'), requirement, image)
}

function checkPayload(
  { manifestDigest, dockerReference }: SignedPayload,
  { signedIdentity }: SignedBy | SigstoreSigned,
  image: Judged,
): void {
  const algorithm = digestAlgorithm(manifestDigest)
  const actual = `${algorithm}:${createHash(algorithm).update(image.topBytes).digest('hex')}`
  if (manifestDigest !== actual) {
    throw new SignatureRejection(`a signature for digest ${manifestDigest} does not match`)
  }
  if (!matchesIdentity(signedIdentity, image.dockerReference, dockerReference)) {
    throw new SignatureRejection(
      `a signature for identity ${JSON.stringify(dockerReference)} is not accepted`,
    )
  }
}

async function readTrust({ trust, rekorKeys }: SigstoreSigned, judges: Judges): Promise<SigstoreTrust> {
  const rekor = rekorKeys === undefined ? {} : { rekorKeys: await readAll(rekorKeys, judges) }
  const one = (bytes: PolicyBytes): Promise<Uint8Array> => readBytes(bytes, judges)
  switch (trust.kind) {
    case 'keys':
      return { kind: 'keys', keys: await readAll(trust.keys, judges), ...rekor }
    case 'fulcio':
      return { kind: 'fulcio', fulcio: { ...trust.fulcio, ca: await one(trust.fulcio.ca) }, ...rekor }
    case 'pki': {
      const { roots, intermediates, ...subject } = trust.pki
      const more = intermediates === undefined ? {} : { intermediates: await one(intermediates) }
      return { kind: 'pki', pki: { ...subject, roots: await one(roots), ...more } }
    }
  }
}

function readAll(all: readonly PolicyBytes[], judges: Judges): Promise<Uint8Array[]> {
  return Promise.all(all.map((one) => readBytes(one, judges)))
}

async function readBytes(one: PolicyBytes, judges: Judges): Promise<Uint8Array> {
  if ('data' in one) return one.data
  const bytes = await judges.readFile(one.path)
  if (bytes === undefined) throw policyInvalid(one.path, 'the policy names this file, and it does not exist')
  return bytes
}
