import { isBootcError } from '@bootc-sdk/core'
import { containersPolicy, loadPolicy } from '@bootc-sdk/core/containers-conf'
import { parseImageReference, sha256Digest } from '@bootc-sdk/core/oci'
import type { ImageReference, ResolvedImage } from '@bootc-sdk/core'
import { authFileCredentials, hostConfiguration, registryTransport } from '@bootc-sdk/core/transports'
import { describe, expect, test } from 'vitest'
import { signatureVerifiers } from '../src/index.js'
import { classes, manifest } from './golden/trust/answers.mjs'
import { memoryReader, memoryWorld, table, type TrustCase } from './world.js'

const env = { HOME: '/root' }

test('the table is large enough, and of the skopeo that it is said to be of', () => {
  expect(table.tool).toBe('skopeo version 1.18.0')
  expect(table.cases.length).toBeGreaterThan(400)
  expect(new Set(table.cases.map(({ id }) => id)).size).toBe(table.cases.length)
})

describe.each([...new Set(table.cases.map(({ id }) => id.split('/')[0]!))])('%s as skopeo does', (group) => {
  const cases = table.cases.filter(({ id }) => id.startsWith(`${group}/`))
  test.each(cases.map((one) => [one.id.slice(group.length + 1), one] as const))('%s', async (_name, one) => {
    const requests: string[] = []
    expect({ class: await pull(one, requests), requests }).toEqual(one.expect)
  })
})

async function pull(one: TrustCase, requests: string[]): Promise<string> {
  const reader = memoryReader(one.files)
  const readText = async (path: string) => Buffer.from((await reader.read(path)) ?? '{}').toString()
  const transport = registryTransport({
    http: memoryWorld(one, reader, requests),
    configuration: hostConfiguration({ reader, env }),
    insecure: () => false,
    credentials: authFileCredentials('/root/.config/containers/auth.json', readText),
  })
  // Whatever goes wrong while an image is judged is a rejection to skopeo.
  let stage: string | undefined = 'policy-invalid'
  try {
    const policy = one.kind === 'find' ? undefined : await loadPolicy({ reader, env })
    stage = undefined
    const reference = parseImageReference(one.reference)
    const image =
      reference.transport === 'registry' ? await transport.resolve(reference) : localImage(reference)
    stage = 'rejected'
    if (policy === undefined) return 'ok'
    const isRegistry = reference.transport === 'registry'
    const engine = containersPolicy({
      policy,
      signatures: async () => (isRegistry ? transport.signatures!(image) : []),
      verifiers: async () => Promise.resolve(signatureVerifiers({ now: () => table.madeAt })),
      readFile: (path) => reader.read(path),
      place: ({ name }) => Promise.resolve({ realPath: name.split(':')[0]! }),
    })
    await engine.check(image, { kind: 'insecure' })
    return 'ok'
  } catch (error) {
    if (!isBootcError(error)) throw error
    return stage ?? classes[error.code] ?? error.code
  }
}

/** Only what judging needs. */
function localImage(reference: ImageReference): ResolvedImage {
  const manifestDigest = sha256Digest(manifest)
  return { reference, manifestBytes: manifest, manifestDigest } as unknown as ResolvedImage
}
