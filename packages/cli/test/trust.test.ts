import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bootableImage, serveRegistry, type RegistryServer } from '@bootc-sdk/core/testing'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { run } from './capture.js'

const image = bootableImage({ version: 1 })
const next = bootableImage({ version: 2 })
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-trust-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  vi.stubEnv('HOME', dir)
  vi.stubEnv('XDG_CONFIG_HOME', '')
})
afterEach(() => vi.unstubAllEnvs())

async function config(name: string, text: string): Promise<void> {
  const path = join(dir, '.config/containers', name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** Only images signed by our key are accepted from this registry, and nothing from elsewhere. */
async function strictPolicy(host: string): Promise<void> {
  const keyData = Buffer.from(key.publicKey.export({ type: 'spki', format: 'pem' })).toString('base64')
  const signed = { type: 'sigstoreSigned', keyData, signedIdentity: { type: 'matchRepository' } }
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [host]: [signed] } } }
  await config('policy.json', JSON.stringify(policy))
  await config('registries.d/all.yaml', 'default-docker:\n  use-sigstore-attachments: true\n')
}

async function serve(): Promise<RegistryServer> {
  const registry = await serveRegistry({ 'os/base:1': image, 'os/base:2': next })
  onTestFinished(() => registry.close())
  return registry
}

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** Put a signature beside an image, as cosign does. */
function attach(
  registry: RegistryServer,
  manifestDigest: string,
  signer = key,
  signedDigest = manifestDigest,
) {
  const payload = JSON.stringify({
    critical: {
      identity: { 'docker-reference': `${registry.host}/os/base` },
      image: { 'docker-manifest-digest': signedDigest },
      type: 'cosign container image signature',
    },
    optional: null,
  })
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const signature = sign('sha256', Buffer.from(payload), signer.privateKey).toString('base64')
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('{}'), size: 2 },
    layers: [
      {
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        digest: digestOf(payload),
        size: payload.length,
        annotations: { 'dev.cosignproject.cosign/signature': signature },
      },
    ],
  })
  const tag = `${manifestDigest.replace(':', '-')}.sig`
  const headers = { 'content-type': type }
  registry.fail(`/manifests/${tag}`, { status: 200, headers, body: Buffer.from(manifest) })
  registry.fail(`/blobs/${digestOf(payload)}`, { status: 200, body: Buffer.from(payload) })
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.map((entry) => join(entry.parentPath, entry.name)).sort()
}

describe.each(['ostree', 'composefs'] as const)(
  'a policy that asks for signatures, and a store of kind %s',
  (store) => {
    const init = store === 'ostree' ? ['--init', 'bare-user'] : []
    const pull = (reference: string) =>
      run(['image', 'pull', '--quiet', '--store', store, '--repo', join(dir, 'repo'), ...init, reference])

    test('takes what is signed, and stores nothing of what is not', async () => {
      const registry = await serve()
      await strictPolicy(registry.host)
      attach(registry, image.manifestDigest)
      const good = await pull(`ostree-image-signed:docker://${registry.host}/os/base:1`)
      expect(good.code, good.stderr).toBe(0)
      const before = await filesBelow(join(dir, 'repo'))

      for (const spoil of [
        () => undefined,
        () => attach(registry, next.manifestDigest, stranger),
        () => attach(registry, next.manifestDigest, key, image.manifestDigest),
      ]) {
        registry.clearFaults()
        spoil()
        registry.log.length = 0
        for (const mode of ['ostree-image-signed:docker://', 'ostree-unverified-registry:', 'docker://']) {
          const bad = await pull(`${mode}${registry.host}/os/base:2`)
          expect(bad.code).toBe(1)
          expect(bad.stderr).toContain('is rejected by policy')
        }
        const blobs = registry.log.map(({ path }) => path).filter((path) => path.includes('/blobs/'))
        expect(
          blobs.filter((path) => next.layers.some(({ descriptor }) => path.endsWith(descriptor.digest))),
        ).toEqual([])
        expect(await filesBelow(join(dir, 'repo'))).toEqual(before)
      }
    })

    test('an image that came unverified is not trusted for being there already', async () => {
      const registry = await serve()
      const reference = `${registry.host}/os/base@${image.manifestDigest}`
      await config('policy.json', JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
      expect((await pull(`docker://${reference}`)).code).toBe(0)
      await strictPolicy(registry.host)
      const verified = await pull(`ostree-image-signed:docker://${reference}`)
      expect(verified.code).toBe(1)
      expect(verified.stderr).toContain('no signature exists')
    })
  },
)

test('a policy that accepts everything is no verification', async () => {
  const registry = await serve()
  await config('policy.json', JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const { code, stderr } = await run(['image', 'verify', `docker://${registry.host}/os/base:1`])
  expect(code).toBe(1)
  expect(stderr).toContain('insecureAcceptAnything')
})

test('verify tells what was accepted, and why something is not', async () => {
  const registry = await serve()
  await strictPolicy(registry.host)
  attach(registry, image.manifestDigest)
  const good = await run(['image', 'verify', '--json', `docker://${registry.host}/os/base:1`])
  expect(good.code, good.stderr).toBe(0)
  expect(JSON.parse(good.stdout)).toEqual({
    reference: `docker://${registry.host}/os/base:1`,
    accepted: true,
    digest: image.manifestDigest,
    manifestDigest: image.manifestDigest,
  })
  const bad = await run(['image', 'verify', `docker://${registry.host}/os/base:2`])
  expect(bad.code).toBe(1)
  expect(bad.stderr).toContain('no signature exists')
})

test('verify can be interrupted', async () => {
  const registry = await serve()
  await strictPolicy(registry.host)
  attach(registry, image.manifestDigest)
  const signal = AbortSignal.abort(new Error('interrupted by a test'))
  const result = await run(['image', 'verify', `docker://${registry.host}/os/base:1`], { signal })
  expect(result).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('interrupted by a test') as string,
  })
})

test('verify --key asks for a signature by that key, and no policy', async () => {
  const registry = await serve()
  const name = `docker://${registry.host}/os/base:1`
  const keyFile = async (pair: typeof key) => {
    const path = join(dir, 'key.pub')
    await writeFile(path, pair.publicKey.export({ type: 'spki', format: 'pem' }))
    return path
  }
  await config('policy.json', JSON.stringify({ default: [{ type: 'reject' }] }))
  const ask = async (pair = key) => run(['image', 'verify', '--key', await keyFile(pair), name])
  const unsigned = await ask()
  expect(unsigned.code).toBe(1)
  expect(unsigned.stderr).toContain('there are no cosign signatures')
  attach(registry, image.manifestDigest)
  expect(await ask()).toMatchObject({ code: 0, stdout: expect.stringContaining('Accepted: ') as string })
  const bad = await ask(stranger)
  expect(bad.code).toBe(1)
  expect(bad.stderr).toContain('cryptographic signature verification failed')
  registry.clearFaults()
  attach(registry, image.manifestDigest, key, next.manifestDigest)
  expect((await ask()).stderr).toContain(`a signature for digest ${next.manifestDigest} does not match`)
  expect((await run(['image', 'verify', '--key', 'absent.pub', name])).code).toBe(2)
  expect((await run(['image', 'verify', '--key', 'a', '--policy', 'b', name])).code).toBe(2)
})

test('a signature of a kind that cannot be verified is told apart from none', async () => {
  const registry = await serve()
  await strictPolicy(registry.host)
  const type = 'application/vnd.oci.image.index.v1+json'
  const artifactType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
  const entry = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf('x'),
    size: 1,
    artifactType,
  }
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [entry] }))
  registry.fail('/referrers/', { status: 200, headers: { 'content-type': type }, body })
  const { code, stderr } = await run(['image', 'verify', `docker://${registry.host}/os/base:1`])
  expect(code).toBe(1)
  expect(stderr).toContain(artifactType)
})

test('a policy that cannot be understood stops everything before the network', async () => {
  const registry = await serve()
  await config('policy.json', '{"default":[{"type":"insecureAcceptAnything"}],"extra":1}')
  const { code, stderr } = await run(['image', 'verify', `docker://${registry.host}/os/base:1`])
  expect(code).toBe(1)
  expect(stderr).toContain('unknown key "extra"')
  expect(registry.log).toEqual([])
})

test('an image that an OSTree remote has to vouch for is refused when there is no such remote', async () => {
  const registry = await serve()
  const { code, stderr } = await run([
    ...['image', 'pull', '--quiet', '--repo', join(dir, 'repo'), '--init', 'bare-user'],
    `ostree-remote-image:vendor:docker://${registry.host}/os/base:1`,
  ])
  expect(code).toBe(1)
  expect(stderr).toContain('remote vendor: not configured')
})

test('mirrors of the user are used, and blocked registries are not', async () => {
  const registry = await serve()
  await config('policy.json', JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const mirror = `[[registry.mirror]]\nlocation = "${registry.host}/os"\ninsecure = true\n`
  await config(
    'registries.conf',
    `[[registry]]\nprefix = "quay.test/vendor"\nlocation = "quay.test/vendor"\nblocked = true\n${mirror}`,
  )
  const repo = ['--repo', join(dir, 'repo'), '--init', 'bare-user']
  const good = await run(['image', 'pull', '--quiet', ...repo, 'docker://quay.test/vendor/base:1'])
  expect(good.code, good.stderr).toBe(0)
  expect(good.stdout).toContain('docker://quay.test/vendor/base:1')
  const bad = await run(['image', 'pull', '--quiet', ...repo, 'docker://quay.test/vendor/none:1'])
  expect(bad.code).toBe(1)
  expect(bad.stderr).toContain('blocked')
})
