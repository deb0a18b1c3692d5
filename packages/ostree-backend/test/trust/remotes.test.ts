import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  addSignature,
  applyDelta,
  commitTree,
  generateDelta,
  initRepo,
  loadSystemKeys,
  openRemoteVerifier,
  openRepoDelta,
  publicKeyOfText,
  pullLocal,
  pullRemote,
  secretKeyOfText,
  signCommit,
  updateSummary,
  type OpenPgpCheck,
  type OstreeRepo,
} from '../../src/index.js'
import { findRemote, remotesDirOf } from '../../src/repo/remotes-dir.js'
import { serve } from '../repo/serve.js'
import { readFileSync } from 'node:fs'

const golden = join(import.meta.dirname, '../golden/signed/ed25519-spki')
const textOf = (name: string) => readFileSync(join(golden, name), 'utf8').trim()
const publicText = textOf('ed25519.public.b64')
const signing = {
  type: 'ed25519' as const,
  keys: [secretKeyOfText('ed25519', textOf('ed25519.secret.b64'), 'golden')],
}
const stranger = Buffer.alloc(32, 7).toString('base64')

async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'remotes-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Commits `one` and, on top of it, `two`; the second is signed. */
async function served(signFirst = true): Promise<{ repo: OstreeRepo; one: string; two: string }> {
  const repo = await initRepo(memoryDir(), 'archive')
  const tree = memoryDir()
  await tree.write('file', Buffer.alloc(5000, 'one'))
  const options = { branch: 'main', canonicalPermissions: true }
  const { commit: one } = await commitTree(repo, tree, { ...options, timestamp: 1 })
  await tree.write('file', Buffer.alloc(5010, 'two'))
  const { commit: two } = await commitTree(repo, tree, { ...options, timestamp: 2 })
  if (signFirst) await signCommit(repo, one, signing)
  await signCommit(repo, two, signing)
  return { repo, one, two }
}

async function client(
  url: string,
  config: Readonly<Record<string, string>>,
  mode: 'archive' | 'bare-user' = 'archive',
) {
  const repo = await initRepo(memoryDir(), mode)
  const keys = { url, 'gpg-verify': 'false', 'sign-verify': 'ed25519', ...config }
  await repo.setConfig(Object.entries(keys).map(([key, value]) => ({ group: 'remote "o"', key, value })))
  return repo
}

const key = { 'verification-ed25519-key': publicText }
const refused = { code: 'STORE_OSTREE_SIGNATURE' }

async function names(repo: OstreeRepo, path: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of repo.dir.list(path)) found.push(name)
  return found
}

describe('a pull', () => {
  test('judges every commit of the history before it stores an object of any', async () => {
    const { repo: source, one, two } = await served(false)
    await using server = await serve(source.dir)
    const repo = await client(server.url, key)
    await expect(pullRemote(repo, 'o', { refs: ['main'], depth: -1 })).rejects.toMatchObject({
      ...refused,
      details: { object: `commit ${one}`, remote: 'o' },
    })
    expect(await names(repo, 'objects')).toEqual([])
    expect((await repo.listRefs()).size).toBe(0)
    await pullRemote(repo, 'o', { refs: ['main'] })
    expect(await repo.resolveRev('o:main')).toBe(two)
  })

  test('leaves a ref where it was when the newer commit is not signed', async () => {
    const { repo: source, two } = await served()
    await using server = await serve(source.dir)
    const repo = await client(server.url, key)
    await pullRemote(repo, 'o', { refs: ['main'] })
    const tree = memoryDir()
    await tree.write('evil', Buffer.from('evil'))
    const { commit } = await commitTree(source, tree, { branch: 'main', canonicalPermissions: true })
    // A signature that was made for another commit does not help.
    const old = (await source.readDetached(two))!.find(([name]) => name === 'ostree.sign.ed25519')![1]
    await addSignature(source, commit, 'ed25519', (old.value as Buffer[])[0]!)
    await expect(pullRemote(repo, 'o', { refs: ['main'] })).rejects.toMatchObject(refused)
    expect(await repo.resolveRev('o:main')).toBe(two)
    expect(await repo.has('commit', commit)).toBe(false)
  })

  test('asks nothing of the server when the configuration is wrong', async () => {
    const { repo: source } = await served()
    await using server = await serve(source.dir)
    for (const [config, code] of [
      [{}, 'STORE_OSTREE_REMOTE'],
      [{ 'verification-ed25519-key': 'AAAA' }, 'STORE_OSTREE_KEY'],
      [{ 'verification-ed25519-file': '/nonexistent/keys' }, 'STORE_OSTREE_KEY'],
      [{ ...key, 'gpg-verify': 'true' }, 'STORE_OSTREE_REMOTE'],
      [{ ...key, 'sign-verify': 'ed25519;dummy' }, 'STORE_OSTREE_REMOTE'],
    ] as const) {
      const repo = await client(server.url, config)
      await expect(pullRemote(repo, 'o', { refs: ['main'] })).rejects.toMatchObject({ code })
    }
    expect(server.requests).toEqual([])
  })

  test('of a repository on this machine is judged when asked to', async () => {
    const { repo: source, one } = await served(false)
    const repo = await client('file:///unused', key)
    const { commit: check } = await openRemoteVerifier(repo, 'o')
    await pullLocal(repo, source, { refs: ['main'], check: check! })
    await expect(pullLocal(repo, source, { refs: [one], check: check! })).rejects.toMatchObject(refused)
    expect(await repo.has('commit', one)).toBe(false)
  })

  test('takes a delta only with a good signature where these are demanded', async () => {
    const { repo: source, one, two } = await served()
    await using server = await serve(source.dir)
    const fresh = async (verificationKey = publicText, demanded = 'true') => {
      const repo = await client(server.url, { 'verification-ed25519-key': verificationKey }, 'bare-user')
      await repo.setConfig([{ group: 'core', key: 'sign-verify-deltas', value: demanded }])
      await pullLocal(repo, source, { refs: [one] })
      return repo
    }
    await generateDelta(source, { from: one, to: two })
    await updateSummary(source)
    for (const demanded of ['true', '1', 'true ']) {
      const unsigned = await pullRemote(await fresh(publicText, demanded), 'o', { refs: ['main'] })
      expect(unsigned.deltas).toEqual([])
      expect(unsigned.warnings.map(({ code }) => code)).toEqual(['ostree:delta'])
    }
    await expect(pullRemote(await fresh(publicText, 'yes'), 'o', { refs: ['main'] })).rejects.toMatchObject({
      code: 'STORE_OSTREE_INVALID',
    })
    const own = { commit: () => Promise.resolve() }
    await expect(pullRemote(await fresh(), 'o', { refs: ['main'], verifier: own })).rejects.toMatchObject({
      code: 'STORE_OSTREE_REMOTE',
    })
    const delta = await openRepoDelta(source, { from: one, to: two })
    await expect(applyDelta(await fresh(), delta)).rejects.toMatchObject(refused)
    await generateDelta(source, { from: one, to: two }, { signing })
    await updateSummary(source)
    expect((await pullRemote(await fresh(), 'o', { refs: ['main'] })).deltas).toHaveLength(1)
    await expect(pullRemote(await fresh(stranger), 'o', { refs: ['main'] })).rejects.toMatchObject(refused)
  })
})

describe('OpenPGP', () => {
  test('is asked with the keyring of the remote and all signatures', async () => {
    const { repo: source, two } = await served()
    await addSignature(source, two, 'openpgp', Buffer.from('first'))
    await addSignature(source, two, 'openpgp', Buffer.from('second'))
    await using server = await serve(source.dir)
    const repo = await client(server.url, { 'gpg-verify': 'true', 'sign-verify': 'false' })
    await repo.dir.write('o.trustedkeys.gpg', Buffer.from('keyring'))
    const asked: string[][] = []
    const check =
      (signer?: string): OpenPgpCheck =>
      (_content, signatures, keyrings) => {
        asked.push([...signatures, ...keyrings].map((bytes) => Buffer.from(bytes).toString()))
        return Promise.resolve({ problems: ['not good'], ...(signer === undefined ? {} : { signer }) })
      }
    const pull = (signer?: string) =>
      pullRemote(repo, 'o', { refs: ['main'], trust: { openpgp: () => Promise.resolve(check(signer)) } })
    await expect(pull()).rejects.toMatchObject({ ...refused, details: { reason: 'not good' } })
    await pull('abcd')
    expect(asked).toEqual([
      ['first', 'second', 'keyring'],
      ['first', 'second', 'keyring'],
    ])
  })
})

test('a revocation that cannot be read whole is an error', async () => {
  const dir = await temporary()
  await writeFile(join(dir, 'trusted.ed25519'), `${publicText}\nno key\n`)
  expect((await loadSystemKeys('ed25519', [dir])).trusted).toHaveLength(1)
  await writeFile(join(dir, 'revoked.ed25519'), `${stranger}\n\n`)
  expect((await loadSystemKeys('ed25519', [dir])).revoked.size).toBe(1)
  await writeFile(join(dir, 'revoked.ed25519'), `${stranger}\n${publicText.slice(1)}\n`)
  await expect(loadSystemKeys('ed25519', [dir])).rejects.toMatchObject({ code: 'STORE_OSTREE_KEY' })
})

describe('remotes of a system', () => {
  test('are in a directory of the system besides, where their keyrings are too', async () => {
    const root = await temporary()
    await mkdir(join(root, 'ostree/repo'), { recursive: true })
    await mkdir(join(root, 'etc/ostree/remotes.d'), { recursive: true })
    const repo = await initRepo(nodeDir(join(root, 'ostree/repo')), 'bare-user')
    const remote = `[remote "vendor"]\nurl=https://os.example/repo\n${Object.entries(key)
      .map(([k, v]) => `${k}=${v}\n`)
      .join('')}`
    await writeFile(join(root, 'etc/ostree/remotes.d/vendor.conf'), `${remote}sign-verify=ed25519\n`)
    await writeFile(join(root, 'etc/ostree/remotes.d/README'), 'no remote')
    const found = await findRemote(repo, 'vendor')
    expect(found).toMatchObject({ url: 'https://os.example/repo', verifies: { named: ['ed25519'] } })
    expect(found.keys.ed25519.inline).toBe(publicKeyOfText('ed25519', publicText, 'g') && publicText)
    await expect(findRemote(repo, 'other')).rejects.toMatchObject({ code: 'STORE_OSTREE_REMOTE' })
    expect(await readdir(join(root, 'etc/ostree'))).toEqual(['remotes.d'])
  })

  test('are those of the running root for the repository that it booted from', () => {
    const at = (hostPath: string) => remotesDirOf({ dir: { hostPath } as OstreeRepo['dir'] }, '/run/test')
    expect(at('/sysroot/ostree/repo')).toBe('/run/test/etc/ostree/remotes.d')
    expect(at('/ostree/repo')).toBe('/run/test/etc/ostree/remotes.d')
    expect(at('/mnt/ostree/repo')).toBe('/mnt/etc/ostree/remotes.d')
    expect(at('/srv/repo')).toBeUndefined()
  })
})
