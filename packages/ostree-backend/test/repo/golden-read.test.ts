import { describe, expect, it } from 'vitest'
import {
  contentChecksum,
  decodeCommit,
  decodeDirMeta,
  decodeDirTree,
  encodeCommit,
  encodeDirMeta,
  encodeDirTree,
  encodeFileHeader,
  sha256Hex,
} from '../../src/format/index.js'
import { createHash } from 'node:crypto'
import { openRepo, type OstreeRepo } from '../../src/repo/index.js'
import { goldenCommits, goldenModes, goldenRepoDir } from './golden-repos.js'

async function fileChecksum(repo: OstreeRepo, checksum: string): Promise<string> {
  const { sizeBytes, ...header } = await repo.fileHeader(checksum)
  const hash = createHash('sha256').update(encodeFileHeader(header))
  let length = 0
  for await (const chunk of repo.fileContent(checksum)) {
    hash.update(chunk)
    length += chunk.length
  }
  expect(length).toBe(sizeBytes)
  return hash.digest('hex')
}

describe.each(goldenModes)('a %s repository written by ostree', (mode) => {
  it('has objects whose names we recompute and whose bytes we reproduce', async () => {
    const dir = await goldenRepoDir(mode)
    const repo = await openRepo(dir, { native: false })
    expect(repo.mode).toBe(mode)
    let objects = 0
    for await (const { name: prefix } of dir.list('objects')) {
      for await (const { name } of dir.list(`objects/${prefix}`)) {
        const checksum = prefix + name.slice(0, 62)
        const suffix = name.slice(62)
        objects++
        if (suffix === '.file' || suffix === '.filez') {
          expect(await fileChecksum(repo, checksum)).toBe(checksum)
        } else if (suffix === '.dirtree' || suffix === '.dirmeta' || suffix === '.commit') {
          const type = suffix.slice(1) as 'dirtree' | 'dirmeta' | 'commit'
          const bytes = await repo.readMetadata(type, checksum)
          const again =
            type === 'dirtree'
              ? encodeDirTree(decodeDirTree(bytes))
              : type === 'dirmeta'
                ? encodeDirMeta(decodeDirMeta(bytes))
                : encodeCommit(decodeCommit(bytes))
          expect(sha256Hex(again)).toBe(checksum)
        }
      }
    }
    expect(objects).toBeGreaterThan(50)
  })

  it('has commits and paths as the real tool lists them', async () => {
    const repo = await openRepo(await goldenRepoDir(mode), { native: false })
    for (const [checksum, golden] of Object.entries(goldenCommits(mode))) {
      const commit = await repo.readCommit(checksum)
      expect(commit).toMatchObject({
        subject: golden.subject,
        timestamp: golden.timestamp,
        rootTree: golden.root_dirtree,
        rootMeta: golden.root_dirmeta,
      })
      expect(commit.parent ?? '').toBe(golden.parent)
      expect(contentChecksum(commit.rootTree, commit.rootMeta)).toBe(golden.content_checksum)
      const paths: Record<string, string | [string, string]> = {}
      const walk = async (path: string, tree: string, meta: string) => {
        paths[path || '/'] = [tree, meta]
        const { files, dirs } = await repo.readDirTree(tree)
        for (const file of files) paths[`${path}/${file.name}`] = file.checksum
        for (const dir of dirs) await walk(`${path}/${dir.name}`, dir.tree, dir.meta)
      }
      await walk('', commit.rootTree, commit.rootMeta)
      expect(paths).toEqual(golden.paths)
    }
  })

  it('resolves its refs and their parents', async () => {
    const repo = await openRepo(await goldenRepoDir(mode), { native: false })
    const head = await repo.resolveRev('golden/x86_64/stable')
    const first = await repo.resolveRev('golden/x86_64/stable^')
    expect(await repo.resolveRev(head!.slice(0, 8))).toBe(head)
    expect((await repo.readCommit(head!)).parent).toBe(first)
    expect(await repo.resolveRev('golden/x86_64/stable^^')).toBeUndefined()
    expect((await repo.listRefs('golden')).get('golden/x86_64/stable')).toBe(head)
  })
})
