import { isDigest } from '../oci/digest.js'
import { parseStrictJson } from '../oci/strict-json.js'
import type { Digest } from '../interfaces/common.js'
import { asObject, exactKeys, PolicyProblem, requiredText } from './policy-members.js'
import { SignatureRejection } from './signature-types.js'

/** What was signed. */
export interface SignedPayload {
  readonly manifestDigest: Digest
  readonly dockerReference: string
}

/** `critical.type` by kind of signature. */
const types = {
  simple: 'atomic container signature',
  sigstore: 'cosign container image signature',
} as const

/**
 * Read the payload of a signature **that has been verified**. Members are exactly the known ones; `optional` may
 * hold more, and is `null` in cosign's.
 *
 * @throws SignatureRejection
 * @see containers-signature(5), containers/image 5.34 signature/simple.go
 */
export function parseSignedPayload(bytes: Uint8Array, kind: keyof typeof types): SignedPayload {
  try {
    const payload = asObject(parseStrictJson(bytes), 'payload')
    exactKeys(payload, ['critical', 'optional'], 'payload')
    checkOptional(payload['optional'], kind)
    const critical = asObject(payload['critical'], 'critical')
    exactKeys(critical, ['type', 'image', 'identity'], 'critical')
    if (critical['type'] !== types[kind]) {
      throw new PolicyProblem(`it is a ${JSON.stringify(critical['type'] ?? null)}, not a ${types[kind]}`)
    }
    const image = asObject(critical['image'], 'image')
    exactKeys(image, ['docker-manifest-digest'], 'image')
    const manifestDigest = requiredText(image, 'docker-manifest-digest', 'image')
    if (!isDigest(manifestDigest)) throw new PolicyProblem('docker-manifest-digest is no digest')
    const identity = asObject(critical['identity'], 'identity')
    exactKeys(identity, ['docker-reference'], 'identity')
    const dockerReference = identity['docker-reference']
    if (typeof dockerReference !== 'string') throw new PolicyProblem('docker-reference is not a string')
    return { manifestDigest, dockerReference }
  } catch (cause) {
    if (!(cause instanceof PolicyProblem || cause instanceof SyntaxError)) throw cause
    throw new SignatureRejection(`the signed payload is not well formed: ${cause.message}`)
  }
}

function checkOptional(value: Parameters<typeof asObject>[0], kind: keyof typeof types): void {
  if (value === null && kind === 'sigstore') return
  const optional = asObject(value, 'optional')
  const { creator, timestamp } = optional
  if (creator !== undefined && creator !== null && typeof creator !== 'string') {
    throw new PolicyProblem('optional.creator is not a string')
  }
  if (timestamp !== undefined && timestamp !== null && !Number.isInteger(timestamp)) {
    throw new PolicyProblem('optional.timestamp is not an integer')
  }
}
