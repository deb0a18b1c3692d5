import { describe, expect, it } from 'vitest'
import type { Dir } from '@bootc-sdk/core'
import { memoryDir, type MemoryDir } from '@bootc-sdk/core/testing'
import {
  commitTree,
  fsckRepo,
  initRepo,
  openRepo,
  pullLocal,
  pullRemote,
  readSummary,
  updateSummary,
  type OstreeRepo,
  type PullRemoteOptions,
} from '../../src/repo/index.js'
import { backings, temporaryDir } from './backings.js'
import { goldenModes, goldenRepoDir, goldenV1, goldenV2 } from './golden-repos.js'
import { serve } from './serve.js'

const branch = 'golden/x86_64/stable'
const fast = { retries: 2, retryDelayMs: 1, timeoutMs: 2000 }

async function client(
  url: string,
  mode: 'archive' | 'bare' | 'bare-user' = 'archive',
  extra: Record<string, string> = {},
): Promise<{ repo: OstreeRepo; dir: MemoryDir }> {
  const dir = memoryDir()
  const repo = await initRepo(dir, mode, { native: false })
  const keys = { url, 'gpg-verify': 'false', ...extra }
  await repo.setConfig(Object.entries(keys).map(([key, value]) => ({ group: 'remote "origin"', key, value })))
  return { repo, dir }
}

const pull = (repo: OstreeRepo, options: PullRemoteOptions = {}) =>
  pullRemote(repo, 'origin', { refs: [branch], http: fast, ...options })

async function count(dir: Dir, path: string): Promise<number> {
  let entries = 0
  for await (const _ of dir.list(path)) entries++
  return entries
}

describe('pulling over HTTP', () => {
  it.each(['archive', 'bare', 'bare-user'] as const)(
    'fills a %s repository with the same commits',
    async (mode) => {
      await using server = await serve(await goldenRepoDir('archive'))
      const { repo, dir } = await client(server.url, mode)
      const result = await pull(repo, { depth: -1 })
      expect(result.commits).toEqual(new Map([[`origin:${branch}`, goldenV2]]))
      expect(await repo.resolveRev(`origin:${branch}`)).toBe(goldenV2)
      expect(await repo.has('commit', goldenV1)).toBe(true)
      expect((await fsckRepo(repo)).problems).toEqual([])
      expect(await count(dir, 'state')).toBe(0)
      expect(await count(dir, 'tmp')).toBe(0)
      const again = await pull(repo)
      expect(again.objects).toBe(0)
    },
  )

  it('an abort while it waits for the next try leaves with its reason', async () => {
    await using server = await serve(await goldenRepoDir('archive'), (path, bytes) =>
      path.endsWith('.filez') ? 503 : bytes,
    )
    const { repo } = await client(server.url)
    const controller = new AbortController()
    const http = { ...fast, retryDelayMs: 60_000 }
    const pulling = pull(repo, { http, signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 200)
    await expect(pulling).rejects.toThrow('enough')
  })

  it('says what is wrong with redirections, urls and files of keys', async () => {
    await using server = await serve(memoryDir(), () => 404)
    const { createServer } = await import('node:http')
    const lost = createServer((_, response) => void response.writeHead(302, { location: 'http://[' }).end())
    await new Promise<void>((resolve) => lost.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = lost.address() as { port: number }
      const at = async (url: string, extra: Record<string, string> = {}) =>
        pull((await client(url, 'archive', extra)).repo)
      await expect(at(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'STORE_OSTREE_FETCH' })
      await expect(at('http://[')).rejects.toMatchObject({ code: 'STORE_OSTREE_FETCH' })
      await expect(at('file://elsewhere/repo')).rejects.toMatchObject({ code: 'STORE_OSTREE_REMOTE' })
      await expect(at(server.url, { 'tls-ca-path': '/nonexistent' })).rejects.toMatchObject({
        code: 'STORE_OSTREE_REMOTE',
      })
    } finally {
      lost.close()
    }
  })

  it('asks the same of a repository on this machine, and mirrors all of it', async () => {
    await using place = await temporaryDir()
    const source = await initRepo(place.dir, 'archive')
    const tree = memoryDir()
    await tree.write('file', Buffer.from('x'))
    for (const name of ['a', 'b'])
      await commitTree(source, tree, { branch: name, canonicalPermissions: true })
    await updateSummary(source)
    const url = `file://${place.path}`
    const bound = await client(url, 'archive', { 'collection-id': 'org.example.Os' })
    await expect(pull(bound.repo, { refs: ['a'] })).rejects.toMatchObject({ code: 'STORE_OSTREE_BINDING' })
    const { repo } = await client(url)
    await pullRemote(repo, 'origin', { mirror: true })
    expect([...(await repo.listRefs()).keys()]).toEqual(['a', 'b'])
    expect((await readSummary(repo))?.refs.map(({ ref }) => ref)).toEqual(['a', 'b'])
  })

  it('stores archive objects as they were served', async () => {
    const golden = await goldenRepoDir('archive')
    await using server = await serve(golden)
    const { repo, dir } = await client(server.url)
    await pull(repo)
    const path = 'objects/00/67a25b757129bdecf5594109b84fb63d02a2521e29e605c48368eb391d37ff.filez'
    const read = async (from: Dir) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of from.read(path)) chunks.push(chunk)
      return Buffer.concat(chunks)
    }
    expect(await read(dir)).toEqual(await read(golden))
  })

  it('finds refs without a summary, and single commits without a ref', async () => {
    const golden = await goldenRepoDir('archive')
    await golden.remove('summary')
    await using server = await serve(golden)
    const { repo } = await client(server.url)
    await pull(repo)
    expect(await repo.resolveRev(`origin:${branch}`)).toBe(goldenV2)
    await pull(repo, { refs: [goldenV1] })
    expect(await repo.has('commit', goldenV1)).toBe(true)
    await expect(pull(repo, { refs: ['no/such'] })).rejects.toMatchObject({ code: 'STORE_OSTREE_NO_REV' })
  })

  it('fetches no parents unless asked, and is content where history ends early', async () => {
    const golden = await goldenRepoDir('archive')
    await using server = await serve(golden)
    const { repo } = await client(server.url)
    await pull(repo)
    expect(await repo.has('commit', goldenV1)).toBe(false)
    await golden.remove(`objects/${goldenV1.slice(0, 2)}/${goldenV1.slice(2)}.commit`)
    const other = await client(server.url)
    await pull(other.repo, { depth: -1 })
    expect((await fsckRepo(other.repo)).problems).toEqual([])
  })

  it('mirrors: heads, and the summary as it is', async () => {
    await using server = await serve(await goldenRepoDir('archive'))
    const { repo } = await client(server.url)
    await pullRemote(repo, 'origin', { mirror: true, http: fast })
    expect(await repo.resolveRev(branch)).toBe(goldenV2)
    expect((await readSummary(repo))?.refs).toHaveLength(5)
  })

  it('refuses remotes that ask for signatures, before the first request', async () => {
    await using server = await serve(await goldenRepoDir('archive'))
    for (const extra of [
      { 'gpg-verify': 'true' },
      { 'sign-verify': 'ed25519;' },
      { 'gpg-verify-summary': 'true' },
    ]) {
      const { repo } = await client(server.url, 'archive', extra)
      await expect(pull(repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_REMOTE' })
    }
    expect(server.requests).toEqual([])
    const { repo } = await client(server.url, 'archive', { 'gpg-verify': 'true' })
    const seen: string[] = []
    await pull(repo, {
      verifier: {
        commit: (checksum) => {
          seen.push(checksum)
          return Promise.resolve()
        },
      },
    })
    expect(seen).toEqual([goldenV2])
    const told = await client(server.url, 'archive', { 'gpg-verify': 'true' })
    await pull(told.repo, { verifier: false })
  })

  it('stores nothing when the verifier refuses', async () => {
    await using server = await serve(await goldenRepoDir('archive'))
    const { repo, dir } = await client(server.url)
    const refuse = { commit: () => Promise.reject(new Error('bad signature')) }
    await expect(pull(repo, { verifier: refuse })).rejects.toThrow('bad signature')
    expect(await count(dir, 'objects')).toBe(0)
    expect(await count(dir, 'state')).toBe(0)
  })

  it('asks again after passing failures, not after lasting ones', async () => {
    const tries = new Map<string, number>()
    await using server = await serve(await goldenRepoDir('archive'), (path, bytes) => {
      const tried = (tries.get(path) ?? 0) + 1
      tries.set(path, tried)
      return tried === 1 ? 503 : bytes
    })
    const { repo } = await client(server.url)
    await pull(repo)
    await using broken = await serve(await goldenRepoDir('archive'), (path, bytes) =>
      path.endsWith('.dirtree') ? 500 : bytes,
    )
    const other = await client(broken.url)
    await expect(pull(other.repo)).rejects.toMatchObject({
      code: 'STORE_OSTREE_FETCH',
      details: { status: 500 },
    })
  })

  it.each(['.commit', '.dirtree', '.dirmeta', '.filez'])(
    'finds every damaged %s, and sets no ref',
    async (suffix) => {
      const golden = await goldenRepoDir('archive')
      let flip = 0
      await using server = await serve(golden, (path, bytes) => {
        if (!path.endsWith(suffix) || bytes === undefined) return bytes
        const damaged = Buffer.from(bytes)
        damaged[flip % damaged.length]! ^= 1 << (flip & 7)
        return damaged
      })
      for (flip = 0; flip < 12; flip++) {
        const { repo, dir } = await client(server.url)
        await expect(pull(repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_CORRUPT' })
        expect((await repo.listRefs()).size).toBe(0)
        expect(await count(dir, 'tmp')).toBe(0)
      }
    },
  )

  it.each(['.dirtree', '.dirmeta', '.filez'])('names a missing %s', async (suffix) => {
    await using server = await serve(await goldenRepoDir('archive'), (path, bytes) =>
      path.endsWith(suffix) ? 404 : bytes,
    )
    const { repo } = await client(server.url)
    await expect(pull(repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_NO_OBJECT' })
  })

  it('does not inflate more than was announced', async () => {
    const golden = await goldenRepoDir('archive')
    const { deflateRawSync } = await import('node:zlib')
    await using server = await serve(golden, (path, bytes) => {
      if (!path.endsWith('.filez') || bytes === undefined || bytes.length < 64) return bytes
      const headerBytes = 8 + bytes.readUInt32BE(0)
      return Buffer.concat([bytes.subarray(0, headerBytes), deflateRawSync(Buffer.alloc(50_000_000))])
    })
    const { repo } = await client(server.url)
    await expect(pull(repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_CORRUPT' })
  })

  it('refuses a commit under a ref it is not bound to', async () => {
    const golden = await goldenRepoDir('archive')
    await golden.remove('summary')
    await golden.write('refs/heads/stolen', Buffer.from(`${goldenV2}\n`))
    await using server = await serve(golden)
    const { repo } = await client(server.url)
    await expect(pull(repo, { refs: ['stolen'] })).rejects.toMatchObject({ code: 'STORE_OSTREE_BINDING' })
    const collection = await client(server.url, 'archive', { 'collection-id': 'org.example.Os' })
    await expect(pull(collection.repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_BINDING' })
  })

  it('refuses repositories of other modes and unknown remotes', async () => {
    await using server = await serve(await goldenRepoDir('bare'))
    const { repo } = await client(server.url)
    await expect(pull(repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_REMOTE' })
    await expect(pullRemote(repo, 'nobody')).rejects.toMatchObject({ code: 'STORE_OSTREE_REMOTE' })
    await using empty = await serve(memoryDir())
    const other = await client(empty.url)
    await expect(pull(other.repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_REMOTE' })
  })

  it('takes the first mirror of a list that has a repository', async () => {
    await using empty = await serve(memoryDir())
    await using server = await serve(await goldenRepoDir('archive'))
    const list = memoryDir()
    await list.write('mirrors', Buffer.from(`# mirrors\n${empty.url}/\n${server.url}/\n`))
    await using lists = await serve(list)
    const { repo } = await client(`mirrorlist=${lists.url}/mirrors`)
    await pull(repo)
    expect(await repo.resolveRev(`origin:${branch}`)).toBe(goldenV2)
  })

  it('ends with the reason of an abort and nothing visible', async () => {
    const controller = new AbortController()
    await using server = await serve(await goldenRepoDir('archive'), (path, bytes) => {
      if (path.endsWith('.filez')) controller.abort(new Error('enough'))
      return bytes
    })
    const { repo, dir } = await client(server.url)
    await expect(pull(repo, { signal: controller.signal })).rejects.toThrow('enough')
    expect((await repo.listRefs()).size).toBe(0)
    expect(await count(dir, 'tmp')).toBe(0)
  })

  it('goes on where an earlier pull stopped', async () => {
    const source = memoryDir()
    const origin = await initRepo(source, 'archive', { native: false })
    const tree = memoryDir()
    // More than a batch.
    for (let index = 0; index < 5300; index++) await tree.write(`f${index}`, Buffer.from(`${index}`))
    const { commit } = await commitTree(origin, tree, { branch })
    await updateSummary(origin)
    let served = 0
    await using server = await serve(source, (path, bytes) =>
      path.endsWith('.filez') && ++served > 5200 && served < 5300 ? 400 : bytes,
    )
    const { repo } = await client(server.url)
    await expect(pull(repo)).rejects.toMatchObject({ code: 'STORE_OSTREE_FETCH' })
    expect(await repo.isPartial(commit)).toBe(true)
    expect((await repo.listRefs()).size).toBe(0)
    expect((await fsckRepo(repo)).partial).toEqual([commit])
    served = 6000
    await pull(repo)
    expect(served - 6000).toBeLessThan(400)
    expect(await repo.isPartial(commit)).toBe(false)
    expect((await fsckRepo(repo)).problems).toEqual([])
  })
})

describe.each(backings)('pulling from a local repository into $name', (backing) => {
  describe.each(goldenModes)('of mode %s', (mode) => {
    it.skipIf(!backing.holds(mode))(
      'copies and verifies from every mode that has the same objects',
      async () => {
        for (const from of goldenModes) {
          if ((from === 'bare-user-only') !== (mode === 'bare-user-only')) continue
          await using place = await backing.make()
          const repo = await initRepo(place.dir, mode, { native: backing.native })
          const source = await openRepo(await goldenRepoDir(from), { native: false })
          const result = await pullLocal(repo, source, { refs: [branch], depth: -1 })
          expect(result.commits.get(branch)).toBe(await source.resolveRev(branch))
          expect((await fsckRepo(repo)).problems).toEqual([])
          expect(await repo.listRefs()).toEqual(new Map([[branch, result.commits.get(branch)]]))
        }
      },
    )
  })

  it('finds damage in the source', async () => {
    const golden = await goldenRepoDir('bare')
    await golden.write(
      'objects/00/67a25b757129bdecf5594109b84fb63d02a2521e29e605c48368eb391d37ff.file',
      Buffer.from('#!/bin/sh\necho hacked!\n'),
      { mode: 0o755, uid: 0, gid: 0 },
    )
    await using place = await backing.make()
    const repo = await initRepo(place.dir, 'archive', { native: backing.native })
    const source = await openRepo(golden, { native: false })
    await expect(pullLocal(repo, source)).rejects.toMatchObject({ code: 'STORE_OSTREE_CORRUPT' })
    expect((await repo.listRefs()).size).toBe(0)
  })
})
