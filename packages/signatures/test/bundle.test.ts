import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ImageSignature } from '@bootc-sdk/core/containers-conf'
import { serveRegistry, buildImage } from '@bootc-sdk/core/testing'
import { registryTransport } from '@bootc-sdk/core/transports'
import { resolveImage } from '@bootc-sdk/core'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { signedByKey } from '../src/index.js'

const golden = (name: string) => readFileSync(new URL(`golden/cosign3/${name}`, import.meta.url))
const format = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const image = golden('image.json')
const bundle = golden('bundle.json')
const key = golden('cosign.pub')
const digest = 'sha256:3966454e23feafe42cd4fe7a998a20e705d67a76e02151dbed884b782bbddde5'

const ask = (bytes: Uint8Array, keys = [key], of: Uint8Array = image) =>
  signedByKey([{ kind: 'unsupported', format, bundle: bytes }], of, keys)

const ours = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ourKey = Buffer.from(ours.publicKey.export({ type: 'spki', format: 'pem' }))
const goodStatement = {
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ digest: { sha256: digest.slice(7) } }],
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  predicate: {},
}

/** A bundle by our key, with its members replaced. */
function made(statement: object | string, more: { envelope?: object; bundle?: object } = {}): Buffer {
  const type = 'application/vnd.in-toto+json'
  const text = typeof statement === 'string' ? statement : JSON.stringify(statement)
  const signed = `DSSEv1 ${type.length} ${type} ${Buffer.byteLength(text)} ${text}`
  const sig = sign('sha256', Buffer.from(signed), ours.privateKey).toString('base64')
  const payload = Buffer.from(text).toString('base64')
  const dsseEnvelope = { payload, payloadType: type, signatures: [{ sig }], ...more.envelope }
  return Buffer.from(JSON.stringify({ mediaType: format, dsseEnvelope, ...more.bundle }))
}

describe('a bundle of cosign 3', () => {
  test('is a signature by its key, for the digest that it names', async () => {
    expect(await ask(bundle)).toBeUndefined()
    expect(await ask(bundle, [ourKey, key])).toBeUndefined()
    expect(await ask(made(goodStatement), [ourKey])).toBeUndefined()
  })

  test('is none by another key, or for another image', async () => {
    expect(await ask(bundle, [ourKey])).toEqual(['cryptographic signature verification failed'])
    expect(await ask(bundle, [key], Buffer.from('{}'))).toEqual([
      expect.stringMatching(/^the statement is not about sha256:/),
    ])
    expect(await ask(bundle, [])).toEqual(['cryptographic signature verification failed'])
  })

  test.each<[string, Buffer, RegExp]>([
    [
      'a list of packages',
      made({ ...goodStatement, predicateType: 'https://spdx.dev/Document' }),
      /something else about/,
    ],
    ['another type of statement', made({ ...goodStatement, _type: 'x' }), /of another type/],
    ['no subjects', made({ ...goodStatement, subject: {} }), /no subjects/],
    ['an empty list of subjects', made({ ...goodStatement, subject: [] }), /is not about/],
    [
      'a digest of another kind',
      made({ ...goodStatement, subject: [{ digest: { sha512: digest.slice(7) } }] }),
      /is not about/,
    ],
    ['text', made('no JSON'), /the statement is not JSON/],
    ['a name twice', made('{"_type":"a","_type":"b"}'), /the statement is not JSON/],
  ])('signed by the right key that holds %s signs nothing', async (_what, bytes, problem) => {
    expect(await ask(bytes, [ourKey])).toEqual([expect.stringMatching(problem)])
  })

  test.each<[string, Buffer, RegExp]>([
    ['no JSON', Buffer.from('{'), /the bundle is not JSON/],
    ['another version', made(goodStatement, { bundle: { mediaType: 'x' } }), /not of version 0\.3/],
    ['no envelope', made(goodStatement, { bundle: { dsseEnvelope: null } }), /not an object/],
    [
      'another payload',
      made(goodStatement, { envelope: { payloadType: 'text/plain' } }),
      /else than a statement/,
    ],
    ['no signature', made(goodStatement, { envelope: { signatures: [] } }), /exactly one/],
    ['two signatures', made(goodStatement, { envelope: { signatures: [{}, {}] } }), /exactly one/],
    [
      'a signature that is no text',
      made(goodStatement, { envelope: { signatures: [{ sig: 1 }] } }),
      /not base64/,
    ],
    ['a payload that is no base64', made(goodStatement, { envelope: { payload: '*' } }), /not base64/],
  ])('with %s is refused', async (_what, bytes, problem) => {
    expect(await ask(bytes, [ourKey])).toEqual([expect.stringMatching(problem)])
  })

  test('with any byte changed means the same, or nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bundle.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.from(bundle)
        bytes[at]! ^= flip
        // What is not signed says nothing: the key's hint, or how base64 ends.
        const problems = await ask(bytes)
        expect(problems === undefined || problems.length === 1).toBe(true)
        expect(await ask(bytes, [key], Buffer.from('{}'))).toHaveLength(1)
      }),
      { numRuns: 300 },
    )
  })
})

/** A registry with an image, and the bundle beside it. */
async function serveBundle(artifactType: string) {
  const target = buildImage({ layers: [{ entries: [] }] })
  const registry = await serveRegistry({ 'ns/app:1': target })
  onTestFinished(() => registry.close())
  const list = JSON.parse(golden('referrers.json').toString()) as { manifests: object[] }
  const index = { ...list, manifests: list.manifests.map((one) => ({ ...one, artifactType })) }
  const answer = (path: string, type: string, body: Buffer) =>
    registry.fail(path, { status: 200, headers: { 'content-type': type }, body })
  const oci = (kind: string) => `application/vnd.oci.image.${kind}.v1+json`
  const tag = target.manifestDigest.replace(':', '-')
  registry.fail(`/manifests/${tag}.sig`, { status: 404 })
  answer(`/manifests/${tag}`, oci('index'), Buffer.from(JSON.stringify(index)))
  const { digest: referrer } = list.manifests[0] as { digest: string }
  answer(`/manifests/${referrer}`, oci('manifest'), golden('manifest.json'))
  const layer = (JSON.parse(golden('manifest.json').toString()) as { layers: { digest: string }[] })
    .layers[0]!
  answer(`/blobs/${layer.digest}`, 'application/octet-stream', bundle)
  const transport = registryTransport()
  onTestFinished(() => transport.close())
  const reference = registry.reference('ns/app', '1')
  const resolved = await resolveImage([transport], reference)
  return { registry, target, resolved, transport, answer, oci }
}

test.each([
  ['as cosign 3.1 lists it where there is no referrers API', 'application/vnd.oci.empty.v1+json'],
  ['by its own type', format],
])('a bundle is found among referrers %s', async (_what, artifactType) => {
  const { resolved, transport } = await serveBundle(artifactType)
  const found: readonly ImageSignature[] = await transport.signatures!(resolved, { attachments: true })
  expect(found).toEqual([{ kind: 'unsupported', format, bundle }])
  expect(await transport.signatures!(resolved)).toEqual([])
})

test('a bundle is asked for besides attachments by others', async () => {
  const { registry, target, resolved, transport, answer, oci } = await serveBundle(format)
  registry.clearFaults()
  const attachment = {
    schemaVersion: 2,
    config: { mediaType: oci('config'), digest: target.configDigest, size: 2 },
    layers: [],
  }
  answer(`/manifests/${target.manifestDigest.replace(':', '-')}.sig`, oci('manifest'), json(attachment))
  const entry = { mediaType: oci('manifest'), digest: target.configDigest, size: 1, artifactType: format }
  const list = { schemaVersion: 2, mediaType: oci('index'), manifests: [entry] }
  answer(`/manifests/${target.manifestDigest.replace(':', '-')}`, oci('index'), json(list))
  expect(await transport.signatures!(resolved, { attachments: true })).toEqual([
    { kind: 'unsupported', format },
  ])
})

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}
