import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCodec, jsCodec } from '@bootc-sdk/core/codec'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import type { Dir } from '@bootc-sdk/core'
import { afterEach, describe, expect, test } from 'vitest'
import { ostreeImageStore } from '../../src/container/image-store.js'
import type { OstreeRepo, RepoMode } from '../../src/repo/api.js'
import { initRepo } from '../../src/repo/index.js'
import { encodeCommit } from '../../src/format/commit.js'
import { goldenCase, goldenCases, goldenImage, goldenPath, importLayout } from './golden-images.js'

const isRoot = process.getuid?.() === 0
const native = getNative()
const made: string[] = []

afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'ostree-import-'))
  made.push(path)
  return path
}

interface Setup {
  readonly name: string
  readonly mode: RepoMode
  readonly native: boolean
  readonly skip?: string | undefined
  readonly dir: () => Dir
}

const needsRoot = isRoot ? undefined : 'bare repositories with other owners need root'
const needsXattrs = nodeDir(tmpdir()).supports.xattrs ? undefined : 'nothing here can set extended attributes'
const needsAddon = native === undefined ? 'the addon is not built' : undefined

const setups: readonly Setup[] = [
  { name: 'archive in memory', mode: 'archive', native: false, dir: () => memoryDir() },
  { name: 'bare in memory', mode: 'bare', native: false, dir: () => memoryDir() },
  { name: 'archive on disk', mode: 'archive', native: false, dir: () => nodeDir(scratch()) },
  {
    name: 'bare-user on disk',
    mode: 'bare-user',
    native: false,
    skip: needsXattrs,
    dir: () => nodeDir(scratch()),
  },
  {
    name: 'archive on disk, native',
    mode: 'archive',
    native: true,
    skip: needsAddon,
    dir: () => nodeDir(scratch()),
  },
  {
    name: 'bare-user on disk, native',
    mode: 'bare-user',
    native: true,
    skip: needsAddon,
    dir: () => nodeDir(scratch()),
  },
  {
    name: 'bare on disk',
    mode: 'bare',
    native: false,
    skip: needsRoot ?? needsXattrs,
    dir: () => nodeDir(scratch()),
  },
  {
    name: 'bare on disk, native',
    mode: 'bare',
    native: true,
    skip: needsRoot ?? needsAddon,
    dir: () => nodeDir(scratch()),
  },
]

/** An attribute without a value: the real tool hashes it, but no file system gives it back. */
const fsckComplains = new Set(['03-hardlinks-xattrs'])

describe.each(setups)('images of the real tool, $name', ({ mode, native: useNative, skip, dir }) => {
  test.skipIf(skip !== undefined).each(goldenCases)(
    `%s${skip === undefined ? '' : ` (${skip})`}`,
    async (name) => {
      const repoDir = dir()
      const repo = await initRepo(repoDir, mode, useNative ? {} : { native: false })
      const store = ostreeImageStore(repo)
      const expected = goldenCase(name)
      const { image, warnings } = await importLayout(
        store,
        goldenPath(name, 'oci'),
        goldenImage(name),
        useNative ? defaultCodec() : jsCodec(),
        name.startsWith('05q') ? { gzipMembers: 'first' } : {},
      )

      expect(image.id).toBe(expected.merge.checksum)
      const merge = await repo.readCommit(image.id)
      expect(merge.rootTree).toBe(expected.merge.root_dirtree)
      expect(encodeCommit(merge).equals(readFileSync(goldenPath(name, 'merge.commit')))).toBe(true)
      await expectLayers(repo, expected.layers)
      expect(Object.fromEntries(await repo.listRefs())).toEqual(expected.all_refs)
      expect(image.manifestDigest).toBe(expected.manifest_digest)
      expect(image.layers.map(({ digest, diffId }) => [digest, diffId])).toEqual(
        expected.layers.map(({ digest, diff_id }) => [digest, diff_id]),
      )
      const dropped = /non-ostree compatible file paths: (.*)\n/.exec(expected.stderr)?.[1]
      expect(warnings.map(({ message }) => message.replace(/^.*left out: /, ''))).toEqual(
        dropped ? [dropped] : [],
      )
      if (repoDir.hostPath !== undefined) fsck(repoDir.hostPath, fsckComplains.has(name) && mode === 'bare')
    },
  )
})

async function expectLayers(
  repo: OstreeRepo,
  layers: ReturnType<typeof goldenCase>['layers'],
): Promise<void> {
  for (const { ref, commit } of layers) {
    const checksum = (await repo.listRefs()).get(ref)!
    const { rootTree, rootMeta } = await repo.readCommit(checksum)
    expect({ ref, rootTree, rootMeta }).toEqual({
      ref,
      rootTree: commit.root_dirtree,
      rootMeta: commit.root_dirmeta,
    })
    expect(checksum).toBe(commit.checksum)
  }
}

function fsck(path: string, complains: boolean): void {
  const run = (): string =>
    execFileSync('ostree', ['fsck', '--quiet', `--repo=${path}`], { stdio: 'pipe' }).toString()
  if (!hasOstree()) return
  if (complains) expect(run).toThrow(/[Cc]orrupted/)
  else run()
}

function hasOstree(): boolean {
  try {
    execFileSync('ostree', ['--version'], { stdio: 'ignore' })
    return true
  } catch (error) {
    if (process.env['CI']) throw error
    return false
  }
}
