import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import * as composefs from '@bootc-sdk/composefs-backend/format'
import type { Dir, OpOptions, ReadTree, StoredImage } from '@bootc-sdk/core'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { parseSignedReference } from '@bootc-sdk/core/oci'
import { bootableImage, memoryDir, memorySysroot, type MemorySysroot } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { ostreeBackend } from '../../src/backend.js'
import { encodeCommit } from '../../src/format/commit.js'
import { openRepo, type OstreeRepo } from '../../src/repo/index.js'
import { composefsDump, contentPath, loadContent } from '../../src/sysroot/composefs-dump.js'
import { backings } from '../repo/backings.js'
import { goldenCommits, goldenTar, unpackTar } from '../repo/golden-repos.js'
import { golden, importBuilt, scratch } from './support.js'
import { readFileSync } from 'node:fs'

const origin = parseSignedReference('ostree-unverified-registry:example.test/os:1')
const os1 = '3e88f27429d8488553207dd206e19501bbdc230ebcac477c5e30cbaaa7b0a2ee'

function goldenImage(name: string): Buffer {
  return gunzipSync(readFileSync(golden('composefs', `${name}.cfs.gz`)))
}

async function bytesOf(tree: Pick<ReadTree, 'read'>, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function imageOf(repo: OstreeRepo, commit: string, digests: 'digests' | 'none'): Promise<Buffer> {
  const content = await loadContent(repo, commit)
  const found = new Map<string, string>()
  for (const checksum of digests === 'none' ? [] : content.headers.keys()) {
    const hasher = new composefs.VerityHasher('sha256')
    for await (const chunk of repo.fileContent(checksum)) hasher.update(chunk)
    found.set(checksum, hasher.digest())
  }
  return Buffer.concat([...(await composefs.imageFromDump(composefsDump(content, found))).chunks()])
}

describe.each(backings)('an image, in $name', (backing) => {
  test.each([
    ['bare', 'v1-bare', 'digests'],
    ['bare', 'v1-bare-noverity', 'none'],
    ['bare-user', 'v1-bare', 'digests'],
    ['bare-user-only', 'v1-bare-user-only', 'digests'],
  ] as const)('of a %s repository is what the real tool makes: %s', async (mode, name, digests) => {
    if (!backing.holds(mode)) return
    await using place = await backing.make()
    await unpackTar(goldenTar(`repo-${mode}.tar`), place.dir, 1)
    const options = backing.native === undefined ? {} : { native: backing.native }
    const repo = await openRepo(place.dir, options)
    const [commit] = Object.entries(goldenCommits(mode)).find(([, { subject }]) => subject === 'Golden v1')!
    expect((await imageOf(repo, commit, digests)).equals(goldenImage(name))).toBe(true)
  })
})

test.skipIf(process.getuid?.() !== 0)(
  'deployments get the image that libostree gives them, and the digest that it signs',
  async () => {
    const path = scratch()
    execFileSync('tar', ['--numeric-owner', '-xzf', golden('sysroot', 'sysroot-1.tar.gz'), '-C', path])
    const sysroot = nodeSysroot(path)
    const store = await ostreeBackend({ stateroot: 'golden', composefs: load }).open(sysroot)
    await using lock = await sysroot.lock()
    const image = { id: os1 } as StoredImage
    const { id } = await store.deployments.create(image, { origin }, lock)
    const [ours, theirs] = [
      await store.deployments.root(id),
      sysroot.root.sub(deploymentOf(`golden/${os1}.0`)),
    ]
    expect(id).toBe(`golden/${os1}.1`)
    expect((await bytesOf(ours, '.ostree.cfs')).equals(await bytesOf(theirs, '.ostree.cfs'))).toBe(true)
    expect((await ours.stat('.ostree.cfs'))!.mode).toBe(0o644)

    const signed = await imageOf(await openRepo(sysroot.root.sub('ostree/repo')), os1, 'digests')
    expect(signed.equals(goldenImage('os1-digest-metadata'))).toBe(true)
    const commit = readFileSync(golden('composefs', 'os1-digest-metadata.commit')).toString('hex')
    expect(commit).toContain(composefs.verityDigest(signed, 'sha256'))
  },
)

const load = () => Promise.resolve(composefs)

const deploymentOf = (id: string) => `ostree/deploy/${id.replace('/', '/deploy/')}`

async function lab(setting: 'yes' | 'maybe' | 'verity' | 'signed', verity: boolean, writer = true) {
  const root = memoryDir({ directories: ['boot'], supports: { verity } })
  const sysroot = memorySysroot({ root })
  const lock = await sysroot.lock()
  const backend = await ostreeBackend({ mode: 'bare', ...(writer ? { composefs: load } : {}) }).init(
    sysroot,
    lock,
  )
  const image = await importBuilt(backend, bootableImage({ version: 1, composefs: setting }))
  const create = (id = image.id, options: OpOptions = {}) =>
    backend.deployments.create({ ...image, id }, { origin }, lock, options)
  return { sysroot, backend, image, create, lock, repo: root.sub('ostree/repo') }
}

async function deployments({ root }: MemorySysroot): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of root.list('ostree/deploy/default/deploy')) names.push(name)
  return names
}

/** Content of an image by path, as it stands in its redirects, and the digests that it demands. */
async function externals(dir: Dir, path: string) {
  const image = composefs.readErofs(new Uint8Array(await bytesOf(dir, path)))
  return [...image.walk()].flatMap(({ inode }) => image.external(inode) ?? [])
}

test.each(['yes', 'maybe'] as const)(
  'with enabled = %s it leads to the objects, and demands no digests',
  async (setting) => {
    const { sysroot, create, repo } = await lab(setting, false)
    const { id } = await create()
    const files = await externals(sysroot.root, `${deploymentOf(id)}/.ostree.cfs`)
    expect(files.length).toBeGreaterThan(5)
    for (const { payload, digest } of files) {
      expect(digest).toBe('')
      expect(await repo.stat(`objects/${payload}`)).toBeDefined()
    }
  },
)

test('nothing is refused without the writer where composefs is not demanded, and nothing is written', async () => {
  const { sysroot, create } = await lab('maybe', false, false)
  const { id } = await create()
  expect(await sysroot.root.stat(`${deploymentOf(id)}/.ostree.cfs`)).toBeUndefined()
})

test('a removed deployment leaves no image', async () => {
  const { sysroot, backend, create, lock } = await lab('verity', true)
  await create()
  await backend.deployments.prune({ order: [], version: 0 }, lock)
  expect(await deployments(sysroot)).toEqual([])
})

describe('verity', () => {
  test('objects and image get it, and the image demands the digests the kernel measures', async () => {
    const { sysroot, create, repo } = await lab('verity', true)
    const { id } = await create()
    const path = `${deploymentOf(id)}/.ostree.cfs`
    expect(await sysroot.root.measureVerity!(path)).toBeDefined()
    const files = await externals(sysroot.root, path)
    for (const { payload, digest } of files) {
      expect((await repo.measureVerity!(`objects/${payload}`))!.digest).toBe(digest)
      expect(digest).toMatch(/^[0-9a-f]{64}$/)
    }
  })

  test('what objects have anyway is in the image of others, too', async () => {
    const { sysroot, image, create, repo } = await lab('yes', true)
    const opened = await openRepo(repo)
    const [checksum] = [...(await loadContent(opened, image.id)).headers].find(
      ([, { sizeBytes }]) => sizeBytes > 0,
    )!
    await repo.enableVerity!(`objects/${contentPath(checksum)}`, 'sha256')
    const { id } = await create()
    const files = await externals(sysroot.root, `${deploymentOf(id)}/.ostree.cfs`)
    const payloads = files.filter(({ digest }) => digest !== '').map(({ payload }) => payload)
    expect(new Set(payloads)).toEqual(new Set([contentPath(checksum)]))
  })

  test.each(['verity', 'signed'] as const)('%s is refused where files cannot have it', async (setting) => {
    const { sysroot, create } = await lab(setting, false)
    await expect(create()).rejects.toMatchObject({ code: 'DEPLOY_COMPOSEFS_VERITY' })
    expect(await deployments(sysroot)).toEqual([])
  })
})

describe('signed', () => {
  /** The image's commit with a digest, as `ostree commit --generate-composefs-metadata` says it. */
  async function withDigest(repo: Dir, id: string, digest: string): Promise<string> {
    const commit = await (await openRepo(repo)).readCommit(id)
    const value = Buffer.from(digest, 'hex')
    const { parent: _, ...rest } = commit
    const bytes = encodeCommit({
      ...{ ...rest, metadata: [['ostree.composefs.digest.v0', { type: 'ay', value }]] },
    })
    return put(repo, bytes)
  }

  async function put(repo: Dir, bytes: Uint8Array): Promise<string> {
    const checksum = createHash('sha256').update(bytes).digest('hex')
    if ((await repo.stat(`objects/${checksum.slice(0, 2)}`)) === undefined)
      await repo.mkdir(`objects/${checksum.slice(0, 2)}`)
    await repo.write(`objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.commit`, bytes)
    return checksum
  }

  test('a commit that says no digest is refused', async () => {
    const { sysroot, create } = await lab('signed', true)
    await expect(create()).rejects.toMatchObject({ code: 'DEPLOY_COMPOSEFS_DIGEST' })
    expect(await deployments(sysroot)).toEqual([])
  })

  test('an image that is not the signed one is refused, and nothing is left of it', async () => {
    const { sysroot, image, create, repo } = await lab('signed', true)
    const wrong = await withDigest(repo, image.id, '00'.repeat(32))
    await expect(create(wrong)).rejects.toMatchObject({
      code: 'DEPLOY_COMPOSEFS_DIGEST',
      details: { expected: '00'.repeat(32) },
    })
    expect(await deployments(sysroot)).toEqual([])
  })

  test('the signed one is deployed, also from the container image that holds its commit', async () => {
    const { image, create, repo } = await lab('signed', true)
    const digest = composefs.verityDigest(await imageOf(await openRepo(repo), image.id, 'digests'), 'sha256')
    const right = await withDigest(repo, image.id, digest)
    expect((await create(right)).id).toContain(right)
    const merged = await (await openRepo(repo)).readCommit(image.id)
    const derived = await put(repo, encodeCommit({ ...merged, parent: right }))
    expect((await create(derived)).id).toContain(derived)
  })
})
