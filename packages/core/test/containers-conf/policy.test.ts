import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  containersPolicy,
  dockerReferenceOf,
  loadPolicy,
  matchesIdentity,
  parsePolicy,
  parseSignedPayload,
  parseStoredSignature,
  policyScopes,
  requirementsFor,
  SignatureRejection,
  type ContainersPolicyOptions,
} from '../../src/containers-conf/index.js'
import { BootcError, isBootcError } from '../../src/errors.js'
import type { ImageReference, ResolvedImage, SignatureSource } from '../../src/index.js'
import { buildImage } from '../../src/testing/image-builder.js'
import { file } from '../../src/testing/layer-entries.js'
import { memoryConf } from '../../src/testing/index.js'

// Whatever a registry image meets is held against skopeo in packages/signatures/test/skopeo-table.test.ts.

const accept = { type: 'insecureAcceptAnything' }
const reject = { type: 'reject' }
const parse = (value: unknown) => parsePolicy(Buffer.from(JSON.stringify(value)), 'policy.json')
const id = 'a'.repeat(64)
const digest = `sha256:${id}`

describe('scopes', () => {
  const scopes = (transport: ImageReference['transport'], name: string, place = {}) =>
    policyScopes({ transport, name }, place)
  const storage = { driver: 'overlay', graphRoot: '/var/lib/c' }

  test('of images in the storage of containers', () => {
    expect(scopes('containers-storage', 'a.test/ns/app:1', storage)).toEqual([
      '[overlay@/var/lib/c]a.test/ns/app:1',
      '[overlay@/var/lib/c]a.test/ns/app',
      '[overlay@/var/lib/c]a.test/ns',
      '[overlay@/var/lib/c]a.test',
      '[overlay@/var/lib/c]',
      '[/var/lib/c]',
    ])
    expect(scopes('containers-storage', `@${id}`, storage)).toEqual([
      `[overlay@/var/lib/c]@${id}`,
      '[overlay@/var/lib/c]',
      '[/var/lib/c]',
    ])
    expect(
      scopes('containers-storage', `[overlay@/var/lib/c]a.test/app:1@${id}`, storage).slice(0, 2),
    ).toEqual([`[overlay@/var/lib/c]a.test/app:1@${id}`, '[overlay@/var/lib/c]a.test/app:1'])
  })

  test('of a daemon, of archives, of paths', () => {
    expect(scopes('docker-daemon', 'busybox:1')[0]).toBe('docker.io/library/busybox:1')
    expect(scopes('docker-daemon', digest)).toEqual([])
    expect(scopes('docker-archive', '/x.tar:busybox:1')).toEqual([])
    expect(scopes('oci', '/a/b:tag', { realPath: '/a/b' })).toEqual(['/a/b', '/a'])
  })

  test('where a policy needs to know more of the machine than is known, it refuses', () => {
    const policy = parse({ default: [accept], transports: { 'containers-storage': { '[/x]': [accept] } } })
    const reference = { transport: 'containers-storage', name: 'app' } as const
    expect(() => requirementsFor(reference, policy)).toThrow(
      expect.objectContaining({ code: 'IMAGE_POLICY_UNSUPPORTED' }),
    )
    const simple = parse({ default: [reject], transports: { 'containers-storage': { '': [accept] } } })
    expect(requirementsFor(reference, simple)).toEqual({
      requirements: [accept],
      where: 'containers-storage:',
    })
  })

  test('of names that signatures may speak for', () => {
    expect(dockerReferenceOf({ transport: 'registry', name: 'busybox' })).toBe(
      'docker.io/library/busybox:latest',
    )
    expect(dockerReferenceOf({ transport: 'docker-archive', name: '/x.tar:busybox:1' })).toBe(
      'docker.io/library/busybox:1',
    )
    expect(dockerReferenceOf({ transport: 'docker-archive', name: '/x.tar' })).toBeUndefined()
    expect(dockerReferenceOf({ transport: 'oci', name: '/x:1' })).toBeUndefined()
    expect(matchesIdentity({ type: 'matchRepository' }, undefined, 'a.test/app')).toBe(false)
    expect(
      matchesIdentity({ type: 'exactRepository', dockerRepository: 'a.test/app' }, undefined, 'a.test/app:1'),
    ).toBe(true)
  })
})

describe('which file is the policy', () => {
  const text = (value: object) => JSON.stringify({ default: [value] })
  const load = async (files: Record<string, string>, env: Record<string, string> = {}) =>
    (await loadPolicy({ reader: memoryConf(files), env }))?.path

  test('the first that exists', async () => {
    const files = {
      '/etc/containers/policy.json': text(reject),
      '/usr/share/containers/policy.json': text(accept),
    }
    expect(await load(files)).toBe('/etc/containers/policy.json')
    expect(
      await load({ ...files, '/cfg/containers/policy.json': text(accept) }, { XDG_CONFIG_HOME: '/cfg' }),
    ).toBe('/cfg/containers/policy.json')
    expect(await load({ '/usr/share/containers/policy.json': text(accept) })).toBe(
      '/usr/share/containers/policy.json',
    )
    expect(await load({})).toBeUndefined()
  })

  test('a named one must be there, and an unreadable one is not passed over', async () => {
    const env = { CONTAINERS_POLICY_JSON: '/srv/policy.json' }
    await expect(load({ '/etc/containers/policy.json': text(accept) }, env)).rejects.toMatchObject({
      code: 'IMAGE_POLICY_INVALID',
    })
    const reader = { ...memoryConf({}), read: () => Promise.reject(new Error('EACCES')) }
    await expect(loadPolicy({ reader, env: {} })).rejects.toMatchObject({ code: 'IMAGE_POLICY_INVALID' })
  })
})

const built = buildImage({ layers: [{ entries: [file('a', 'content')] }] })
const image = {
  reference: { transport: 'registry', name: 'a.test/ns/app:1' },
  manifestBytes: built.manifestBytes,
  manifestDigest: built.manifestDigest,
} as unknown as ResolvedImage
const signed = { type: 'sigstoreSigned', keyData: Buffer.from('key').toString('base64') }

function check(
  policy: unknown,
  source: SignatureSource,
  more: Partial<ContainersPolicyOptions> = {},
  operation: { readonly storeVerifies?: boolean } = {},
): Promise<void> {
  const file =
    policy === undefined ? undefined : { path: '/etc/containers/policy.json', policy: parse(policy) }
  const engine = containersPolicy({
    policy: () => Promise.resolve(file),
    signatures: () => Promise.resolve([]),
    ...more,
  })
  return engine.check(image, source, operation)
}

describe('what the mode of an origin means', () => {
  const signedMode = { kind: 'containerPolicy' } as const
  const insecure = { kind: 'insecure' } as const

  test('an unverified origin is judged by a policy where there is one', async () => {
    await check(undefined, insecure)
    await check({ default: [accept] }, insecure)
    await expect(check({ default: [reject] }, insecure)).rejects.toMatchObject({
      code: 'IMAGE_POLICY_REJECTED',
      details: { scope: 'default', requirement: 'reject', policy: '/etc/containers/policy.json' },
    })
  })

  test('a signed origin needs a policy that does not accept everything', async () => {
    await expect(check(undefined, signedMode)).rejects.toMatchObject({ code: 'IMAGE_POLICY_MISSING' })
    await expect(check({ default: [accept] }, signedMode)).rejects.toMatchObject({
      code: 'IMAGE_POLICY_REJECTED',
    })
    await check({ default: [reject], transports: { docker: { 'a.test': [accept] } } }, signedMode)
  })

  test('keys of an OSTree remote are asked besides the policy', async () => {
    const remote = { kind: 'ostreeRemote', remote: 'vendor' } as const
    await expect(check({ default: [accept] }, remote)).rejects.toMatchObject({
      code: 'IMAGE_POLICY_UNSUPPORTED',
    })
    const asked: string[] = []
    const ostreeRemote = (_image: ResolvedImage, name: string) => Promise.resolve(void asked.push(name))
    await check({ default: [accept] }, remote, { ostreeRemote })
    expect(asked).toEqual(['vendor'])
    await expect(check({ default: [reject] }, remote, { ostreeRemote })).rejects.toMatchObject({
      code: 'IMAGE_POLICY_REJECTED',
    })
    // A store that sees to it has the last word, and the policy the first.
    await check({ default: [accept] }, remote, {}, { storeVerifies: true })
    await expect(check({ default: [reject] }, remote, {}, { storeVerifies: true })).rejects.toMatchObject({
      code: 'IMAGE_POLICY_REJECTED',
    })
    await expect(
      check({ default: [accept] }, { kind: 'containerPolicy' }, {}, { storeVerifies: true }),
    ).rejects.toMatchObject({ code: 'IMAGE_POLICY_REJECTED' })
  })
})

describe('judging fails closed', () => {
  const signatures = () =>
    Promise.resolve([
      {
        kind: 'sigstore',
        mimeType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        payload: Buffer.from('{}'),
        annotations: {},
      } as const,
    ])
  const policy = { default: [signed] }
  const insecure = { kind: 'insecure' } as const

  test('without anything that verifies signatures', async () => {
    await expect(check(policy, insecure, { signatures })).rejects.toMatchObject({
      code: 'IMAGE_POLICY_UNSUPPORTED',
    })
  })

  test('when a verifier breaks, its error is told', async () => {
    const broken = () => Promise.reject(new TypeError('a bug'))
    const verifiers = () => Promise.resolve({ openpgp: broken, sigstore: broken })
    await expect(check(policy, insecure, { signatures, verifiers })).rejects.toThrow('a bug')
  })

  test('when signatures cannot be fetched', async () => {
    const failing = () => Promise.reject(new BootcError('TRANSPORT_UNREACHABLE', 'down'))
    await expect(check(policy, insecure, { signatures: failing })).rejects.toMatchObject({
      code: 'TRANSPORT_UNREACHABLE',
    })
  })

  test('when a good signature is about nothing that was asked for', async () => {
    const verifiers = () =>
      Promise.resolve({ openpgp: () => Promise.reject(new Error()), sigstore: () => Promise.resolve() })
    await expect(check(policy, insecure, { signatures, verifiers })).rejects.toMatchObject({
      code: 'IMAGE_POLICY_REJECTED',
    })
  })

  test('signatures are fetched once for several requirements, and not at all for none', async () => {
    let fetched = 0
    const counting = () => Promise.resolve([]).finally(() => fetched++)
    await check({ default: [accept, accept] }, insecure, { signatures: counting })
    expect(fetched).toBe(0)
    await expect(check({ default: [signed, signed] }, insecure, { signatures: counting })).rejects.toThrow()
    expect(fetched).toBe(1)
  })
})

describe('hostile bytes', () => {
  test('a policy is read or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          try {
            parsePolicy(bytes, 'policy.json')
          } catch (error) {
            if (!isBootcError(error, 'IMAGE_POLICY_INVALID')) throw error
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('signatures and payloads are read or rejected', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => Buffer.from(`\0sigstore-json\n${text}`)),
        ),
        (bytes) => {
          for (const read of [() => parseStoredSignature(bytes), () => parseSignedPayload(bytes, 'simple')]) {
            try {
              read()
            } catch (error) {
              if (!(error instanceof SignatureRejection)) throw error
            }
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
