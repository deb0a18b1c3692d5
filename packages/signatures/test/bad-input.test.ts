import { generateKeyPairSync, sign, type KeyPairKeyObjectResult } from 'node:crypto'
import type { ResolvedImage } from '@bootc-sdk/core'
import {
  containersPolicy,
  parsePolicy,
  sigstoreAnnotations,
  sigstoreSignatureType,
  type ImageSignature,
} from '@bootc-sdk/core/containers-conf'
import { buildImage, type BuiltImage } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import * as openpgp from 'openpgp'
import { signatureVerifiers } from '../src/index.js'

// What somebody who holds neither key nor policy may try, and what operators get wrong, one by one. How skopeo decides
// is in the table beside.

const day = 86_400_000
const older = buildImage({ layers: [], config: (config) => ({ ...config, author: 'older' }) })
const newer = buildImage({ layers: [], config: (config) => ({ ...config, author: 'newer' }) })
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const [key, second] = [newKey(), newKey()]

function payload(image: BuiltImage, name: string, type: 'atomic' | 'cosign container image'): string {
  const what = { 'docker-manifest-digest': image.manifestDigest }
  const identity = { 'docker-reference': name }
  const critical = {
    type: `${type === 'atomic' ? 'atomic container' : type} signature`,
    image: what,
    identity,
  }
  return JSON.stringify({ critical, optional: {} })
}

function cosign(image: BuiltImage, name: string, by: KeyPairKeyObjectResult = key): ImageSignature {
  const bytes = Buffer.from(payload(image, name, 'cosign container image'))
  const signature = sign('sha256', bytes, by.privateKey).toString('base64')
  const annotations = { [sigstoreAnnotations.signature]: signature }
  return { kind: 'sigstore', mimeType: sigstoreSignatureType, payload: bytes, annotations }
}

const signedBy = (...keys: KeyPairKeyObjectResult[]) => ({
  type: 'sigstoreSigned',
  keyDatas: keys.map((one) => Buffer.from(pem(one)).toString('base64')),
})
const pem = (one: KeyPairKeyObjectResult) => one.publicKey.export({ type: 'spki', format: 'pem' })
const accept = { type: 'insecureAcceptAnything' }
const reject = { type: 'reject' }

interface Trial {
  readonly requirements: readonly object[]
  readonly signatures: readonly ImageSignature[]
  readonly image?: BuiltImage
  readonly name?: string
  readonly transports?: object
  readonly nowMs?: number
}

/** Undefined when the image is accepted, else why it is not. */
async function refusal(trial: Trial): Promise<string | undefined> {
  const { requirements, signatures, image = newer, name = 'a.test/os:v1', nowMs = Date.now() } = trial
  const policy = containersPolicy({
    policy: {
      path: 'policy.json',
      policy: parsePolicy(
        Buffer.from(JSON.stringify({ default: requirements, transports: trial.transports ?? {} })),
        'policy.json',
      ),
    },
    signatures: () => Promise.resolve(signatures),
    verifiers: () => Promise.resolve(signatureVerifiers({ now: () => nowMs })),
  })
  const resolved = {
    reference: { transport: 'registry', name },
    manifestBytes: image.manifestBytes,
    manifestDigest: image.manifestDigest,
  } as ResolvedImage
  try {
    await policy.check(resolved, { kind: 'insecure' })
    return undefined
  } catch (error) {
    const { code, details } = error as { code: string; details: { reason: string } }
    expect(code).toBe('IMAGE_POLICY_REJECTED')
    return details.reason
  }
}

describe('a policy that contradicts itself refuses', () => {
  const good = cosign(newer, 'a.test/os:v1')
  test.each<[string, readonly object[]]>([
    ['to accept anything and to reject', [accept, reject]],
    ['to reject and to accept anything', [reject, accept]],
    ['a good signature and to reject', [signedBy(key), reject]],
  ])('%s', async (_what, requirements) => {
    expect(await refusal({ requirements, signatures: [good] })).toBe('such images are rejected')
  })

  test('signatures by two keys where there is one', async () => {
    const requirements = [signedBy(key), signedBy(second)]
    expect(await refusal({ requirements, signatures: [good] })).toMatch(/verification failed/)
    const both = [good, cosign(newer, 'a.test/os:v1', second)]
    expect(await refusal({ requirements, signatures: both })).toBeUndefined()
  })

  test('only where no narrower scope says otherwise', async () => {
    const transports = { docker: { 'a.test': [reject], 'a.test/os': [signedBy(key)] } }
    expect(await refusal({ requirements: [accept], transports, signatures: [good] })).toBeUndefined()
    const elsewhere = { requirements: [accept], transports, signatures: [good], name: 'a.test/other:v1' }
    expect(await refusal(elsewhere)).toBe('such images are rejected')
  })
})

test('an expired key signs nothing any more, also what it signed before', async () => {
  const madeAt = Date.now() - 10 * day
  const { privateKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: 'somebody' }],
    format: 'object',
    date: new Date(madeAt),
    keyExpirationTime: (20 * day) / 1000,
  })
  const text = await openpgp.createMessage({ text: payload(newer, 'a.test/os:v1', 'atomic') })
  const armored = await openpgp.sign({ message: text, signingKeys: privateKey, format: 'binary' })
  const keyData = Buffer.from(privateKey.toPublic().write()).toString('base64')
  const trial = {
    requirements: [{ type: 'signedBy', keyType: 'GPGKeys', keyData }],
    signatures: [{ kind: 'simple', message: armored }],
  } as const
  expect(await refusal(trial)).toBeUndefined()
  expect(await refusal({ ...trial, nowMs: madeAt + 30 * day })).toMatch(/expired/)
})

describe('a good signature is none', () => {
  const requirements = [signedBy(key)]

  test('for another digest', async () => {
    expect(await refusal({ requirements, signatures: [cosign(older, 'a.test/os:v1')] })).toBe(
      `a signature for digest ${older.manifestDigest} does not match`,
    )
  })

  test('for another repository', async () => {
    expect(await refusal({ requirements, signatures: [cosign(newer, 'a.test/other:v1')] })).toBe(
      'a signature for identity "a.test/other:v1" is not accepted',
    )
    expect(await refusal({ requirements, signatures: [cosign(newer, 'b.test/os:v1')] })).toMatch(
      /not accepted/,
    )
  })

  test('for a tag that is replayed as another one', async () => {
    const signatures = [cosign(newer, 'a.test/os:v1')]
    expect(await refusal({ requirements, signatures })).toBeUndefined()
    expect(await refusal({ requirements, signatures, name: 'a.test/os:v2' })).toBe(
      'a signature for identity "a.test/os:v1" is not accepted',
    )
  })
})

test('a tag that is replayed with its older image is accepted: signatures have no age', async () => {
  const requirements = [signedBy(key)]
  const signatures = [cosign(older, 'a.test/os:v1')]
  expect(await refusal({ requirements, signatures, image: older })).toBeUndefined()
  // By digest, nothing can be replayed: the bytes are compared before the policy is asked.
  const name = `a.test/os@${newer.manifestDigest}`
  expect(await refusal({ requirements, signatures, name })).toMatch(/does not match/)
})
