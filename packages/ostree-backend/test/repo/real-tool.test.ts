import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import {
  commitTree,
  commitTrees,
  diffCommits,
  formatDiff,
  formatLogEntry,
  formatTreeEntry,
  fsckRepo,
  initRepo,
  logCommits,
  lsTree,
  openRepo,
  pullLocal,
  readSummary,
  setAlias,
  updateSummary,
  type OstreeRepo,
} from '../../src/repo/index.js'
import { backings, bytesOf, temporaryDir } from './backings.js'
import { goldenModes, goldenTar, unpackTar } from './golden-repos.js'
import { expectOstreeInCi, isRoot, noOstree, ostree } from './real-ostree.js'
import { serve } from './serve.js'

const branch = 'golden/x86_64/stable'
const onDisk = backings.filter(({ name }) => name !== 'a directory in memory')

async function lsText(repo: OstreeRepo, rev: string): Promise<string> {
  let text = ''
  for await (const entry of lsTree(repo, rev, '/', { recursive: true })) {
    text += `${formatTreeEntry(entry, { checksums: true, xattrs: true })}\n`
  }
  return text
}

async function logText(repo: OstreeRepo, rev: string): Promise<string> {
  let text = ''
  for await (const entry of logCommits(repo, rev)) text += formatLogEntry(entry)
  return text
}

/** Type, mode, owner, size, target and attributes of everything below a directory. */
function manifest(path: string): string {
  return execFileSync(
    'sh',
    [
      '-c',
      `find . -printf '%p %y %m %U:%G %l ' \\( -type f -printf '%s' \\) -printf '\\n' | sort; find . -type f -exec sha256sum {} + | sort; getfattr -hRd -m - . 2>/dev/null | cat`,
    ],
    { cwd: path, encoding: 'utf8' },
  )
}

it('the ostree command is there in CI', expectOstreeInCi)

describe.skipIf(noOstree !== undefined)(`the real ostree (${noOstree ?? 'installed'})`, () => {
  describe.each(onDisk)('with repositories of ours in $name', (backing) => {
    async function golden(mode: (typeof goldenModes)[number]) {
      const place = await temporaryDir()
      mkdirSync(`${place.path}/repo`)
      const repo = await initRepo(nodeDir(`${place.path}/repo`), mode, { native: backing.native })
      // Syncing is proved elsewhere, and slow on a busy disk.
      await repo.setConfig([{ group: 'core', key: 'fsync', value: 'false' }])
      for (const version of [1, 2]) {
        await commitTrees(repo, [{ tar: bytesOf(goldenTar(`tree-v${version}.tar`)) }], {
          branch,
          timestamp: 1_700_000_000 + version,
          subject: `Version ${version}`,
          ...(version === 2 ? { body: 'Two\nlines' } : {}),
          metadata: [['version', { type: 's', value: `${version}.0` }]],
        })
      }
      return { place, repo, path: `${place.path}/repo` }
    }

    describe.each(goldenModes)('in mode %s', (mode) => {
      it.skipIf(!backing.holds(mode))('finds no fault and prints what we print', async () => {
        const { place, repo, path } = await golden(mode)
        await using _ = place
        await ostree(path, 'fsck')
        expect(await lsText(repo, branch)).toBe(await ostree(path, 'ls', '-R', '-C', '-X', branch))
        expect(await logText(repo, branch)).toBe(await ostree(path, 'log', branch))
        expect(formatDiff(await diffCommits(repo, `${branch}^`, branch))).toBe(
          await ostree(path, 'diff', `${branch}^`, branch),
        )
        await setAlias(repo, 'alias/of/it', branch)
        expect(await ostree(path, 'refs', '-A')).toBe(`alias/of/it -> ${branch}\n`)
        expect((await ostree(path, 'rev-parse', 'alias/of/it')).trim()).toBe(
          await repo.resolveRev('alias/of/it'),
        )
        await updateSummary(repo)
        expect(await ostree(path, 'summary', '-v')).toContain(`* ${branch}`)
      })

      it.skipIf(!backing.holds(mode))('checks out what we check out', async () => {
        const { place, repo, path } = await golden(mode)
        await using _ = place
        // Owners need root, attributes the addon.
        const full = isRoot && place.dir.supports.xattrs
        const variants = full ? (['none', 'user'] as const) : (['user'] as const)
        for (const how of variants) {
          // bare-user-only holds no owners to restore.
          const flags = how === 'user' ? ['-U'] : []
          await ostree(path, 'checkout', ...flags, branch, `${place.path}/theirs-${how}`)
          const commit = (await repo.resolveRev(branch))!
          const { entries } = await repo.checkout(commit, place.dir, { path: `ours-${how}`, mode: how })
          expect(entries).toBeGreaterThan(40)
          expect(manifest(`${place.path}/ours-${how}`)).toBe(manifest(`${place.path}/theirs-${how}`))
        }
      })

      it.skipIf(!backing.holds(mode))('pulls from ours into its own, and we from theirs', async () => {
        const { place, repo, path } = await golden(mode)
        await using _ = place
        const theirs = `${place.path}/theirs`
        mkdirSync(theirs)
        await ostree(theirs, 'init', `--mode=${mode}`)
        await ostree(theirs, 'pull-local', '--depth=-1', path, branch)
        await ostree(theirs, 'fsck')
        mkdirSync(`${place.path}/back`)
        const back = await initRepo(nodeDir(`${place.path}/back`), mode, { native: backing.native })
        const source = await openRepo(nodeDir(theirs), { native: backing.native })
        const pulled = await pullLocal(back, source, { depth: -1, remote: 'origin' })
        expect(pulled.commits.get(`origin:${branch}`)).toBe(await repo.resolveRev(branch))
        await ostree(`${place.path}/back`, 'fsck')
        expect((await fsckRepo(back)).problems).toEqual([])
      })
    })

    it('fetches from ours over HTTP, with and without a summary', async () => {
      const { place, repo, path } = await golden('archive')
      await using _ = place
      await using server = await serve(nodeDir(path))
      for (const [name, prepare] of [
        ['plain', () => Promise.resolve()],
        ['summarised', () => updateSummary(repo)],
      ] as const) {
        await prepare()
        const theirs = `${place.path}/${name}`
        mkdirSync(theirs)
        await ostree(theirs, 'init', '--mode=archive')
        await ostree(theirs, 'remote', 'add', '--no-gpg-verify', 'origin', server.url)
        await ostree(theirs, 'pull', '--depth=-1', 'origin', branch)
        await ostree(theirs, 'fsck')
        expect((await ostree(theirs, 'rev-parse', `origin:${branch}`)).trim()).toBe(
          await repo.resolveRev(branch),
        )
      }
    })

    it('continues a branch that we began, and we continue its own', async () => {
      const { place, repo, path } = await golden('archive')
      await using _ = place
      const tree = memoryDir()
      await unpackTar(goldenTar('tree-v1.tar'), tree)
      mkdirSync(`${place.path}/more`)
      await nodeDir(`${place.path}/more`).write('file', Buffer.from('third'))
      const third = (await ostree(path, 'commit', '-b', branch, `--tree=dir=${place.path}/more`)).trim()
      expect(await repo.resolveRev(branch)).toBe(third)
      const fourth = await commitTree(repo, tree, { branch })
      expect((await ostree(path, 'rev-parse', `${branch}^`)).trim()).toBe(third)
      expect((await ostree(path, 'rev-parse', branch)).trim()).toBe(fourth.commit)
      await ostree(path, 'fsck')
      await ostree(path, 'summary', '-u')
      expect((await readSummary(repo))?.refs).toMatchObject([{ ref: branch, commit: fourth.commit }])
    })

    it('gives the commits we give for owners, permissions, overrides and skipped paths', async () => {
      await using place = await temporaryDir()
      for (const name of ['repo', 'tree', 'tree/sub', 'tree/skipped']) mkdirSync(`${place.path}/${name}`)
      const tree = nodeDir(`${place.path}/tree`)
      await tree.write('sub/run', Buffer.from('#!/bin/sh\n'), { mode: 0o664 })
      await tree.write('sub/other', Buffer.from('x'), { mode: 0o640 })
      await tree.write('skipped/file', Buffer.from('x'), { mode: 0o644 })
      await tree.symlink('run', 'sub/link')
      await nodeDir(place.path).write('override', Buffer.from('=2541 /sub/other\n73 /sub/run\n'))
      await nodeDir(place.path).write('skip', Buffer.from('/skipped\n'))
      const path = `${place.path}/repo`
      const repo = await initRepo(nodeDir(path), 'archive', { native: backing.native })
      const commit = async (...flags: string[]) =>
        (
          await ostree(
            path,
            'commit',
            '--orphan',
            '--no-bindings',
            '--no-xattrs',
            '--timestamp=@7',
            ...flags,
            `--tree=dir=${place.path}/tree`,
          )
        ).trim()
      const fixed = { parent: null, timestamp: 7, noXattrs: true } as const
      const { parseSkipList, parseStatOverride } = await import('../../src/repo/index.js')
      expect((await commitTree(repo, tree, { ...fixed, ownerUid: 5, ownerGid: 6 })).commit).toBe(
        await commit('--owner-uid=5', '--owner-gid=6'),
      )
      expect((await commitTree(repo, tree, { ...fixed, canonicalPermissions: true })).commit).toBe(
        await commit('--canonical-permissions'),
      )
      const statOverride = parseStatOverride('=2541 /sub/other\n73 /sub/run\n')
      expect((await commitTree(repo, tree, { ...fixed, statOverride })).commit).toBe(
        await commit(`--statoverride=${place.path}/override`),
      )
      expect((await commitTree(repo, tree, { ...fixed, skip: parseSkipList('/skipped\n') })).commit).toBe(
        await commit(`--skip-list=${place.path}/skip`),
      )
    })
  })

  describe.each(onDisk.filter(({ native }) => native === undefined))('and its lock on $name', (backing) => {
    it('waits for our transaction, and we for its exclusive lock', async () => {
      await using place = await temporaryDir()
      const repo = await initRepo(place.dir, 'archive', { native: backing.native })
      await commitTree(repo, memoryDir(), { branch })
      await repo.setConfig([{ group: 'core', key: 'lock-timeout-secs', value: '1' }])
      const transaction = await repo.begin()
      await expect(ostree(place.path, 'prune', '--refs-only')).rejects.toThrow(/[Ll]ocking repo exclusive/)
      await transaction[Symbol.asyncDispose]()
      await ostree(place.path, 'prune', '--refs-only')

      // The tool holds the lock while it is stopped in the middle of something.
      const held = await repo.dir.lock('.lock', { exclusive: true })
      const child = spawn('ostree', [`--repo=${place.path}`, 'commit', '-b', 'x', '--tree=ref=' + branch])
      const done = new Promise<number | null>((resolve) => child.on('exit', resolve))
      await sleep(200)
      expect(child.exitCode).toBeNull()
      await held[Symbol.asyncDispose]()
      expect(await done).toBe(0)
    })
  })

  it('leaves staging directories that we do not adopt', async () => {
    await using place = await temporaryDir()
    const repo = await initRepo(place.dir, 'archive')
    await place.dir.mkdir('tmp/staging-00000000-0000-0000-0000-000000000000-abcdef')
    await commitTree(repo, memoryDir(), { branch })
    expect(await place.dir.stat('tmp/staging-00000000-0000-0000-0000-000000000000-abcdef')).toBeDefined()
  })
})
