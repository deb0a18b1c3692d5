import { mkdirSync, readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryDir, seededRandom } from '@bootc-sdk/core/testing'
import { nodeDir } from '@bootc-sdk/core/node'
import { sha256Hex } from '../../src/format/checksum.js'
import { openSuperblock } from '../../src/delta/apply.js'
import { applyBspatch } from '../../src/delta/bspatch.js'
import { matchBlocks } from '../../src/delta/match-blocks.js'
import { deltaOfDir } from '../../src/delta/names.js'
import { readPart, writePart } from '../../src/delta/part.js'
import { decodeSuperblock, encodeSuperblock, unwrapSigned } from '../../src/delta/superblock.js'
import { OperationReader, encodeVarint } from '../../src/delta/varint.js'
import {
  applyDelta,
  commitTree,
  completeCommit,
  deltaDir,
  fsckRepo,
  generateDelta,
  initRepo,
  listDeltas,
  openDeltaFile,
  openRepo,
  openRepoDelta,
  parseDeltaName,
  pullLocal,
  pullRemote,
  reindexDeltas,
  updateSummary,
  type OstreeRepo,
} from '../../src/index.js'
import { goldenRepoDir, goldenV1, goldenV2 } from '../repo/golden-repos.js'
import { expectOstreeInCi, noOstree, ostree } from '../repo/real-ostree.js'
import { serve } from '../repo/serve.js'

const golden = new URL('../golden/delta/', import.meta.url)
const goldenPath = (name: string) => new URL(name, golden).pathname
const v1v2 = deltaDir({ from: goldenV1, to: goldenV2 })
const scratch = deltaDir({ to: goldenV1 })

const noXz = spawnSync('xz', ['--version']).error !== undefined
if (noXz && process.env['CI']) throw new Error('not installed: xz-utils')

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'delta-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const int = (random: () => number, below: number) => Math.floor(random() * below)

/** A repository that has the first golden commit only. */
async function repoWithV1(): Promise<OstreeRepo> {
  const archive = await goldenArchive()
  const repo = await initRepo(memoryDir(), 'bare-user')
  await pullLocal(repo, archive, { refs: [goldenV1] })
  return repo
}

async function goldenArchive(): Promise<OstreeRepo> {
  return openRepo(await goldenRepoDir('archive'))
}

async function isWhole(repo: OstreeRepo, commit: string): Promise<void> {
  await completeCommit(repo, commit)
  expect((await fsckRepo(repo)).problems).toEqual([])
  expect(await repo.isPartial(commit)).toBe(false)
}

describe('names', () => {
  test('directories and hex names lead back to each other', () => {
    expect(v1v2).toBe(
      'deltas/mk/aUzAIonRru6X+lNW2jZ6QZ8zip0UdZNeILgeuWb8g-afgNMt1P4c0nwVoaHa4njXKY6eeB7oYjg_fMiyR_f48',
    )
    const [, prefix, rest] = v1v2.split('/')
    expect(deltaOfDir(prefix!, rest!)).toEqual({ from: goldenV1, to: goldenV2 })
    expect(deltaOfDir('mk', 'nonsense')).toBeUndefined()
    expect(parseDeltaName(`${goldenV1}-${goldenV2}`)).toEqual({ from: goldenV1, to: goldenV2 })
    expect(() => parseDeltaName('../..')).toThrow(/not FROM-TO/)
  })
})

describe('superblocks of the real tool', () => {
  test.each([`${v1v2}/superblock`, `${scratch}/superblock`, 'v1-v2.inline.delta'])(
    '%s is read and written alike',
    (name) => {
      const bytes = readFileSync(goldenPath(name))
      const superblock = decodeSuperblock(bytes, name)
      const again = decodeSuperblock(encodeSuperblock(superblock), name)
      expect(again).toEqual({ ...superblock, metadata: again.metadata })
      // The order of keys in metadata is nobody's promise; with one key there is only one.
      if (superblock.metadata.length === 1) expect(encodeSuperblock(superblock).equals(bytes)).toBe(true)
    },
  )

  test('numbers are those that the tool shows', () => {
    const { superblock } = openSuperblock(readFileSync(goldenPath(`${v1v2}/superblock`)), 'delta')
    expect(superblock).toMatchObject({ from: goldenV1, to: goldenV2, timestamp: 1795251490, fallbacks: [] })
    expect(superblock.parts).toMatchObject([{ sizeBytes: 9401, objectBytes: 3437429 }])
    expect(superblock.parts[0]!.objects.length).toBe(12)
    const full = openSuperblock(readFileSync(goldenPath(`${scratch}/superblock`)), 'delta').superblock
    expect(full.fallbacks.length).toBe(1)
  })

  test('one that leads elsewhere, or lies about its commit, is refused', () => {
    const bytes = readFileSync(goldenPath(`${v1v2}/superblock`))
    expect(() => openSuperblock(bytes, 'delta', { to: goldenV2 })).toThrow(/leads from/)
    const damaged = Buffer.from(bytes)
    damaged[damaged.indexOf('Golden v2')] = 0x67
    expect(() => openSuperblock(damaged, 'delta')).toThrow(/another checksum/)
    expect(() => decodeSuperblock(bytes.subarray(0, 300), 'delta')).toThrow(/corrupt/)
  })

  test('any damage of one byte is noticed, or changes no object', () => {
    const bytes = readFileSync(goldenPath(`${v1v2}/superblock`))
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 0xff
      try {
        openSuperblock(damaged, 'delta', { from: goldenV1, to: goldenV2 })
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_OSTREE_/) as string })
      }
    }
  })

  test('a signed one is unwrapped', () => {
    const inner = readFileSync(goldenPath('v1-v2.inline.delta'))
    expect(unwrapSigned(inner, 'delta')).toEqual({ inner })
  })
})

describe.skipIf(noXz)('applying (skipped without xz)', () => {
  test.each(['directory', 'superblock', 'inline'])('a golden delta makes its commit: %s', async (kind) => {
    const path =
      kind === 'inline' ? 'v1-v2.inline.delta' : kind === 'superblock' ? `${v1v2}/superblock` : v1v2
    const repo = await repoWithV1()
    const result = await applyDelta(repo, await openDeltaFile(goldenPath(path)))
    expect(result).toMatchObject({ from: goldenV1, to: goldenV2, objects: 13 })
    await isWhole(repo, goldenV2)
  })

  test('a delta from nothing leaves its fallbacks to be fetched', async () => {
    const repo = await initRepo(memoryDir(), 'bare-user')
    await applyDelta(repo, await openDeltaFile(goldenPath(scratch)))
    expect(await repo.isPartial(goldenV1)).toBe(true)
    await expect(completeCommit(repo, goldenV1)).rejects.toMatchObject({ code: 'STORE_OSTREE_NO_OBJECT' })
    await pullLocal(repo, await goldenArchive(), { refs: [goldenV1] })
    await isWhole(repo, goldenV1)
  })

  test('nothing is left of one whose making was given up', async () => {
    const { repo, one, two } = await twoCommits('archive')
    const controller = new AbortController()
    const write = repo.dir.write.bind(repo.dir)
    const dir = {
      ...repo.dir,
      async write(...args: Parameters<typeof write>) {
        await write(...args)
        if (/^deltas\/.*\/0$/.test(args[0])) controller.abort(new Error('enough'))
      },
    }
    const options = { maxPartBytes: 1, signal: controller.signal }
    const slow = await openRepo(dir, { native: false })
    await expect(generateDelta(slow, { from: one, to: two }, options)).rejects.toThrow('enough')
    expect(await repo.dir.stat(deltaDir({ from: one, to: two }))).toBeUndefined()
  })

  test('without the commit it starts from nothing is written', async () => {
    const repo = await initRepo(memoryDir(), 'bare-user')
    await expect(applyDelta(repo, await openDeltaFile(goldenPath(v1v2)))).rejects.toMatchObject({
      code: 'STORE_OSTREE_NO_OBJECT',
    })
    expect(await repo.has('commit', goldenV2)).toBe(false)
  })

  test('operations that lie never give an object a wrong name', async () => {
    const source = await openDeltaFile(goldenPath(v1v2))
    const part = await source.part(0)
    const { digest, objectBytes } = source.superblock.parts[0]!
    const payload = await readPart(part, { digest, maxBytes: 1 << 28, what: 'part' })
    const random = seededRandom(7)
    const repo = await repoWithV1()
    const before = (await fsckRepo(repo)).objects
    for (let run = 0; run < 80; run++) {
      const operations = Buffer.from(payload.operations)
      const blob = Buffer.from(payload.blob)
      const target = run % 2 === 0 ? operations : blob
      target[int(random, target.length)]! ^= 1 + int(random, 255)
      const file = await writePart({ ...payload, operations, blob })
      const header = {
        ...source.superblock.parts[0]!,
        digest: sha256Hex(file),
        sizeBytes: file.length,
        objectBytes,
      }
      const lying = {
        ...source,
        superblock: { ...source.superblock, parts: [header] },
        part: async () => file,
      }
      await applyDelta(repo, lying).then(
        () => undefined,
        (error: unknown) => expect(error).toMatchObject({ code: expect.stringMatching(/^STORE_/) as string }),
      )
      if (run % 10 === 9) expect((await fsckRepo(repo)).problems).toEqual([])
    }
    expect((await fsckRepo(repo)).objects).toBeGreaterThanOrEqual(before)
  }, 120_000)

  test('a part that unpacks to more than its objects is stopped', async () => {
    const bomb = await writePart({
      modes: [],
      xattrSets: [],
      blob: Buffer.alloc(50_000_000),
      operations: Buffer.alloc(0),
    })
    const digest = sha256Hex(bomb)
    await expect(readPart(bomb, { digest, maxBytes: 1_000_000, what: 'part' })).rejects.toThrow(/larger than/)
  })

  test('what a superblock announces does not decide how much memory is taken', async () => {
    const source = await openDeltaFile(goldenPath(v1v2))
    const repo = await repoWithV1()
    const object = source.superblock.parts[0]!.objects.find(({ type }) => type === 'file')!
    const parts = {
      unpacked: { blob: Buffer.alloc(5_000_000), operations: Buffer.alloc(0) },
      // Opens an object of 5 TB.
      object: {
        blob: Buffer.alloc(0),
        operations: Buffer.concat([Buffer.from('o\0\0'), encodeVarint(5e12)]),
      },
    }
    for (const payload of Object.values(parts)) {
      const modes = [{ uid: 0, gid: 0, mode: 0o100644 }]
      const file = await writePart({ modes, xattrSets: [[]], ...payload })
      const header = { digest: sha256Hex(file), sizeBytes: file.length, objectBytes: 9e12, objects: [object] }
      const lying = {
        ...source,
        superblock: { ...source.superblock, parts: [header] },
        part: async () => file,
      }
      await expect(applyDelta(repo, lying, { maxPartBytes: 1_000_000 })).rejects.toMatchObject({
        code: 'STORE_OSTREE_CORRUPT',
        details: { reason: expect.stringMatching(/is larger than|makes an object of/) as string },
      })
    }
  })
})

describe('pieces', () => {
  test('numbers of operations survive', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const reader = new OperationReader(Buffer.concat(numbers.map(encodeVarint)), 'x')
        expect(numbers.map(() => reader.number())).toEqual(numbers)
      }),
    )
  })

  test('stretches make the new file again, and find what moved', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(300), { maxLength: 6 }), (old, cuts) => {
        const source = Buffer.concat([old, old.map((byte) => byte ^ 0x55), old])
        const pieces = cuts.map((at) => source.subarray(at, at + 200))
        const target = Buffer.concat([...pieces, Buffer.from('new'), ...pieces])
        const made = matchBlocks(source, target).map(({ from, at, length }) =>
          from === undefined ? target.subarray(at, at + length) : source.subarray(from, from + length),
        )
        expect(Buffer.concat(made).equals(target)).toBe(true)
      }),
    )
    const random = seededRandom(3)
    const noise = Buffer.from(Array.from({ length: 20_000 }, () => int(random, 256)))
    const moved = Buffer.concat([noise.subarray(5000), Buffer.from('inserted'), noise.subarray(0, 5000)])
    expect(matchBlocks(noise, moved).filter(({ from }) => from === undefined)).toMatchObject([{ length: 8 }])
  })

  test('patches that lie are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), (patch, size) => {
        try {
          expect(applyBspatch(Buffer.from('source'), Buffer.from(patch), size, 'patch').length).toBe(size)
        } catch (error) {
          expect(error).toMatchObject({ code: 'STORE_OSTREE_CORRUPT' })
        }
      }),
    )
  })
})

/** Two commits: a large file that changes in the middle, others that come, go and stay. */
async function twoCommits(mode: 'archive' | 'bare-user', at = memoryDir()) {
  const repo = await initRepo(at, mode)
  const random = seededRandom(11)
  const noise = Buffer.from(Array.from({ length: 300_000 }, () => int(random, 256)))
  const commit = async (files: Readonly<Record<string, Uint8Array | string>>) => {
    const tree = memoryDir()
    await tree.mkdir('d', { mode: 0o750 })
    for (const [name, data] of Object.entries(files)) await tree.write(name, Buffer.from(data))
    await tree.symlink('big', 'd/link')
    return (await commitTree(repo, tree, { branch: 'main', subject: 'x', timestamp: 1 })).commit
  }
  const one = await commit({ 'd/big': noise, same: 'same', gone: 'gone' })
  const changed = Buffer.concat([noise.subarray(0, 100_000), Buffer.from('more'), noise.subarray(100_001)])
  const two = await commit({ 'd/big': changed, same: 'same', come: 'come', empty: '' })
  return { repo, one, two }
}

describe.skipIf(noXz)('making (skipped without xz)', () => {
  test('a delta holds what is new, and little of a file that changed in the middle', async () => {
    const { repo, one, two } = await twoCommits('archive')
    const made = await generateDelta(repo, { from: one, to: two }, { timestamp: 5 })
    expect(made.sizeBytes).toBeLessThan(2000)
    expect(await listDeltas(repo)).toEqual([{ from: one, to: two }])
    const target = await initRepo(memoryDir(), 'bare-user')
    await pullLocal(target, repo, { refs: [one] })
    await applyDelta(target, await openRepoDelta(repo, { from: one, to: two }))
    await isWhole(target, two)
    const again = await generateDelta(repo, { from: one, to: two }, { timestamp: 5 })
    expect(again.superblock.equals(made.superblock)).toBe(true)
  })

  test('pulling over HTTP uses it, and goes on without it when it is damaged', async () => {
    const { repo, one, two } = await twoCommits('archive')
    await generateDelta(repo, { from: one, to: two })
    await generateDelta(repo, { to: one })
    for (const how of ['summary', 'index', 'damaged'] as const) {
      if (how === 'index') {
        await reindexDeltas(repo)
        await repo.setConfig([{ group: 'core', key: 'no-deltas-in-summary', value: 'true' }])
      }
      const fresh = await openRepo(repo.dir)
      await updateSummary(fresh)
      await using server = await serve(repo.dir, (path, bytes) =>
        how === 'damaged' && /deltas\/.*\/0$/.test(path) ? Buffer.from('nonsense') : bytes,
      )
      const target = await initRepo(memoryDir(), 'bare-user')
      await target.setConfig([
        { group: 'remote "r"', key: 'url', value: server.url },
        { group: 'remote "r"', key: 'gpg-verify', value: 'false' },
      ])
      const client = await openRepo(target.dir)
      const first = await pullRemote(client, 'r', { refs: [one] })
      expect(first.deltas.length, how).toBe(how === 'damaged' ? 0 : 1)
      server.requests.length = 0
      const second = await pullRemote(client, 'r', { refs: ['main'] })
      const files = server.requests.filter((path) => path.endsWith('.filez')).length
      if (how === 'damaged') {
        expect(second.deltas).toEqual([])
        expect(second.warnings).toMatchObject([{ code: 'ostree:delta' }])
        expect(files).toBeGreaterThan(0)
      } else {
        expect(second.deltas).toMatchObject([{ from: one, to: two }])
        expect(files).toBe(0)
      }
      await isWhole(client, two)
    }
  })
})

test('the ostree command is there in CI', expectOstreeInCi)

describe.skipIf(noOstree !== undefined || noXz)('the ostree command', () => {
  test('applies what we make, and shows the same numbers', async () => {
    const at = join(dir, 'ours')
    const { repo, one, two } = await twoCommits('archive')
    mkdirSync(at)
    const onDisk = await initRepo(nodeDir(at), 'archive')
    await pullLocal(onDisk, repo, { refs: [one, two] })
    await generateDelta(onDisk, { from: one, to: two })
    const show = await ostree(at, 'static-delta', 'show', `${one}-${two}`)
    expect(show).toContain('Number of fallback entries: 0')
    expect(show).toMatch(/open=1 .*close=1/)
    const target = join(dir, 'theirs')
    await ostree(target, 'init', '--mode=bare-user')
    await ostree(target, 'pull-local', at, one)
    await ostree(target, 'static-delta', 'apply-offline', join(at, deltaDir({ from: one, to: two })))
    expect(await ostree(target, 'fsck')).toBeDefined()
    expect(await ostree(target, 'ls', '-R', two)).toContain('/d/big')
  })

  test('makes deltas that we apply', async () => {
    const at = join(dir, 'made-by-ostree')
    const { repo, one, two } = await twoCommits('archive')
    mkdirSync(at)
    const onDisk = await initRepo(nodeDir(at), 'archive')
    await pullLocal(onDisk, repo, { refs: [one, two] })
    await ostree(at, 'static-delta', 'generate', `--from=${one}`, two)
    const file = join(dir, 'inline.delta')
    await ostree(at, 'static-delta', 'generate', `--from=${one}`, '--inline', `--filename=${file}`, two)
    for (const path of [join(at, deltaDir({ from: one, to: two })), file]) {
      const target = await initRepo(memoryDir(), 'bare-user')
      await pullLocal(target, repo, { refs: [one] })
      await applyDelta(target, await openDeltaFile(path))
      await isWhole(target, two)
    }
  })
})
