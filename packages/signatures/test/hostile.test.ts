import fc from 'fast-check'
import { SignatureRejection, sigstoreAnnotations, type ImageSignature } from '@bootc-sdk/core/containers-conf'
import { describe, expect, test } from 'vitest'
import { signatureVerifiers } from '../src/index.js'
import { table } from './world.js'

// Good signatures of the table with something changed: what is accepted is what was signed, or nothing.

const { openpgp, sigstore } = signatureVerifiers({ now: () => table.madeAt })

function caseOf(id: string) {
  const found = table.cases.find((one) => one.id === `policy/${id}`)
  if (found === undefined) throw new Error(`no case ${id}`)
  const policy = JSON.parse(found.files['etc/containers/policy.json']!) as {
    transports: { docker: { 'a.test': [Record<string, never>] } }
  }
  return {
    served: found.served ?? [],
    requirement: policy.transports.docker['a.test'][0] as Readonly<Record<string, string>>,
  }
}

/** One byte of some bytes becomes another. */
function changed(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
    const copy = Uint8Array.from(bytes)
    copy[at]! ^= flip
    return copy
  })
}

async function rejection(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return false
  } catch (error) {
    if (!(error instanceof SignatureRejection)) throw error
    return true
  }
}

describe('an OpenPGP message', () => {
  const { served, requirement } = caseOf('gpg-uncompressed')
  const message = Buffer.from(served[0]!.body, 'base64')
  const keyring = Buffer.from(requirement['keyData']!, 'base64')

  test('yields what was signed', async () => {
    expect(Buffer.from(await openpgp(message, [keyring])).toString()).toContain('a.test/ns/app:v1')
  })

  test('with a byte changed or missing yields the same, or nothing', { timeout: 120_000 }, async () => {
    const content = Buffer.from(await openpgp(message, [keyring]))
    const cut = fc.nat(message.length - 1).map((end) => Uint8Array.from(message.subarray(0, end)))
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed(message), cut, fc.uint8Array({ maxLength: 300 })), async (bytes) => {
        try {
          expect(content.equals(await openpgp(bytes, [keyring]))).toBe(true)
        } catch (error) {
          if (!(error instanceof SignatureRejection)) throw error
        }
      }),
      { numRuns: 400 },
    )
  })

  test('is not accepted by keyrings that are damaged', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(await rejection(openpgp(message, [bytes]))).toBe(true)
      }),
      { numRuns: 200 },
    )
    expect(await rejection(openpgp(message, []))).toBe(true)
  })
})

describe('a sigstore signature', () => {
  const { served } = caseOf('sigstore-fulcio-good')
  const text = (index: number): string => Buffer.from(served[index]!.body, 'base64').toString()
  const manifest = JSON.parse(text(0)) as {
    layers: [{ mediaType: string; annotations: Record<string, string> }]
  }
  const { mediaType, annotations } = manifest.layers[0]
  const signature = {
    kind: 'sigstore',
    mimeType: mediaType,
    payload: Buffer.from(text(1)),
    annotations,
  } as const satisfies ImageSignature
  const { fulcio, rekorPublicKeyData } = caseOf('sigstore-fulcio-good').requirement as unknown as {
    fulcio: { caData: string; oidcIssuer: string; subjectEmail: string }
    rekorPublicKeyData: string
  }
  const trust = {
    kind: 'fulcio',
    fulcio: { ...fulcio, ca: Buffer.from(fulcio.caData, 'base64') },
    rekorKeys: [Buffer.from(rekorPublicKeyData, 'base64')],
  } as const

  test('is accepted as it is', async () => {
    await sigstore(signature, trust)
  })

  test('speaks for no other payload', async () => {
    await fc.assert(
      fc.asyncProperty(changed(signature.payload), async (payload) => {
        expect(await rejection(sigstore({ ...signature, payload }, trust))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('with any annotation changed is accepted or rejected, and nothing else', async () => {
    const names = Object.values(sigstoreAnnotations)
    const edit = fc.constantFrom(...names).chain((name) => {
      const value = annotations[name]
      if (value === undefined) return fc.tuple(fc.constant(name), fc.string())
      const bytes = changed(Buffer.from(value)).map((one) => Buffer.from(one).toString('latin1'))
      return fc.tuple(fc.constant(name), fc.oneof(bytes, fc.string(), fc.json()))
    })
    await fc.assert(
      fc.asyncProperty(edit, async ([name, value]) => {
        await rejection(sigstore({ ...signature, annotations: { ...annotations, [name]: value } }, trust))
      }),
      { numRuns: 1500 },
    )
  })

  test('is rejected by keys, CAs and logs that are damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(
          await rejection(sigstore(signature, { ...trust, fulcio: { ...trust.fulcio, ca: bytes } })),
        ).toBe(true)
        expect(await rejection(sigstore(signature, { ...trust, rekorKeys: [bytes] }))).toBe(true)
        expect(await rejection(sigstore(signature, { kind: 'keys', keys: [bytes] }))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
