import { describe, expect, it } from 'vitest'
import type { Dir } from '@bootc-sdk/core'
import { memoryDir, powerCutDir, powerSupply, PowerCut, type MemoryDir } from '@bootc-sdk/core/testing'
import {
  commitTree,
  fsckRepo,
  initRepo,
  openRepo,
  pullLocal,
  setAlias,
  updateSummary,
  readSummary,
  type OstreeRepo,
} from '../../src/repo/index.js'

async function tree(version: number): Promise<Dir> {
  const dir = memoryDir()
  await dir.mkdir('sub')
  await dir.write('sub/same', Buffer.from('same'), { mode: 0o644 })
  await dir.write('file', Buffer.from(`version ${version}`), { mode: 0o644 })
  await dir.symlink('file', 'link')
  await dir.write('large', Buffer.alloc(1_200_000, `v${version}`), { mode: 0o644 })
  return dir
}

/**
 * Do something to a copy of a repository, with the power cut before each of its writes in turn, and look at
 * every state that the disk may then be in.
 */
async function cutEverywhere(
  before: MemoryDir,
  work: (repo: OstreeRepo) => Promise<void>,
  look: (repo: OstreeRepo, dir: MemoryDir, state: string) => Promise<void>,
): Promise<number> {
  for (let writes = 0; ; writes++) {
    const supply = powerSupply()
    const { dir, survivors } = powerCutDir(before.snapshot(), supply)
    supply.cutAfter(writes)
    let finished = false
    try {
      await work(await openRepo(dir, { native: false }))
      finished = true
    } catch (error) {
      if (!(error instanceof PowerCut) && !supply.isCut) throw error
    }
    for (const survivor of await survivors()) {
      const state = `after ${writes} writes (${supply.log.at(-1) ?? 'none'}), ${survivor.name}`
      await look(await openRepo(survivor.dir, { native: false }), survivor.dir, state)
    }
    if (finished) return writes
  }
}

async function expectWhole(repo: OstreeRepo, state: string): Promise<void> {
  const { problems } = await fsckRepo(repo)
  expect(problems, state).toEqual([])
}

describe.each(['bare', 'bare-user', 'archive'] as const)('a power cut at any write, mode %s', (mode) => {
  it('during a commit leaves the ref on a whole commit, old or new, and the commit can be repeated', async () => {
    const base = memoryDir()
    const { commit: old } = await commitTree(await initRepo(base, mode, { native: false }), await tree(1), {
      branch: 'main',
      timestamp: 1,
    })
    const second = await tree(2)
    const options = { branch: 'main', timestamp: 2, parent: null }
    const after = base.snapshot()
    const { commit: next } = await commitTree(await openRepo(after, { native: false }), second, options)
    const seen = new Set<string>()
    const writes = await cutEverywhere(
      base,
      async (repo) => void (await commitTree(repo, second, options)),
      async (repo, dir, state) => {
        await expectWhole(repo, state)
        const head = (await repo.resolveRev('main'))!
        expect([old, next], state).toContain(head)
        seen.add(head)
        await commitTree(repo, second, options)
        expect(await repo.resolveRev('main')).toBe(next)
        for await (const { name } of dir.list('tmp')) expect(name, state).toBe('nothing is left')
      },
    )
    expect(writes).toBeGreaterThan(20)
    expect([...seen].sort()).toEqual([old, next].sort())
  })
})

it('a power cut at any write of a prune leaves no commit with holes', async () => {
  const base = memoryDir()
  const repo = await initRepo(base, 'bare', { native: false })
  await commitTree(repo, await tree(1), { branch: 'main', timestamp: 1 })
  await commitTree(repo, await tree(2), { branch: 'main', timestamp: 2 })
  await cutEverywhere(
    base,
    async (copy) => void (await copy.prune({ refsOnly: true, depth: 0 })),
    async (copy, _, state) => {
      await expectWhole(copy, state)
      await copy.prune({ refsOnly: true, depth: 0 })
      await expectWhole(copy, state)
    },
  )
})

it('a power cut at any write of a pull leaves whole commits or partial ones, and the pull can be repeated', async () => {
  const origin = await initRepo(memoryDir(), 'archive', { native: false })
  const { commit } = await commitTree(origin, await tree(1), { branch: 'main', timestamp: 1 })
  const base = memoryDir()
  await initRepo(base, 'bare-user', { native: false })
  await cutEverywhere(
    base,
    async (repo) => void (await pullLocal(repo, origin)),
    async (repo, _, state) => {
      await expectWhole(repo, state)
      await pullLocal(repo, origin)
      expect(await repo.resolveRev('main')).toBe(commit)
      expect(await repo.isPartial(commit)).toBe(false)
    },
  )
})

it('a power cut at any write of config, summary and aliases leaves them old or new', async () => {
  const base = memoryDir()
  const repo = await initRepo(base, 'archive', { native: false })
  await commitTree(repo, await tree(1), { branch: 'main', timestamp: 1 })
  await updateSummary(repo, { now: 1 })
  await cutEverywhere(
    base,
    async (copy) => {
      await copy.setConfig([{ group: 'core', key: 'x', value: '1' }])
      await updateSummary(copy, { now: 2 })
      await setAlias(copy, 'alias', 'main')
    },
    async (copy, _, state) => {
      expect([undefined, '1'], state).toContain(copy.config('core', 'x'))
      expect((await readSummary(copy))?.refs, state).toHaveLength(1)
      expect([undefined, await copy.resolveRev('main')], state).toContain(await copy.resolveRev('alias'))
      await expectWhole(copy, state)
    },
  )
})
