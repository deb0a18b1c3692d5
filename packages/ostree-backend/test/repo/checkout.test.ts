import { lstatSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Dir, Stat } from '@bootc-sdk/core'
import { memoryDir, readText } from '@bootc-sdk/core/testing'
import { commitTree, initRepo, openRepo, type OstreeRepo } from '../../src/repo/index.js'
import { backings, temporaryDir, type Backing } from './backings.js'
import { goldenModes, goldenRepoDir, goldenTar, goldenV1, unpackTar } from './golden-repos.js'

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const isRoot = owner.uid === 0

async function collect(dir: Dir, path: string): Promise<Record<string, Stat>> {
  const found: Record<string, Stat> = {}
  const walk = async (at: string) => {
    for await (const { name, stat } of dir.list(at)) {
      const child = at === '' ? name : `${at}/${name}`
      found[path === '' ? child : child.slice(path.length + 1)] = stat
      if (stat.type === 'directory') await walk(child)
    }
  }
  await walk(path)
  return found
}

async function xattrsOf(dir: Dir, path: string): Promise<string[]> {
  return (await dir.xattrs(path)).map(({ name, value }) => `${name}=${Buffer.from(value).toString('hex')}`)
}

const modeFor = (backing: Backing) => (isRoot || backing.name.includes('memory') ? 'bare' : 'bare-user-only')

async function commitOf(repo: OstreeRepo, fill: (tree: Dir) => Promise<void>): Promise<string> {
  const tree = memoryDir()
  await fill(tree)
  return (await commitTree(repo, tree, { canonicalPermissions: true, noXattrs: true })).commit
}

const file = (tree: Dir, path: string, text: string) => tree.write(path, Buffer.from(text), { mode: 0o644 })

describe.each(goldenModes)('checking out of a golden %s repository in memory', (mode) => {
  it('restores types, targets, content and permissions, and owners where the mode keeps them', async () => {
    const repo = await openRepo(await goldenRepoDir(mode), { native: false })
    const target = memoryDir()
    const commit = (await repo.resolveRev('golden/x86_64/stable^'))!
    await repo.checkout(commit, target, { path: 'out', mode: 'none' })
    const source = memoryDir()
    await unpackTar(goldenTar('tree-v1.tar'), source)
    const expected = await collect(source, '')
    const actual = await collect(target, 'out')
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort())
    for (const [path, stat] of Object.entries(expected)) {
      const found = actual[path]!
      expect([path, found.type, found.sizeBytes]).toEqual([path, stat.type, stat.sizeBytes])
      if (mode !== 'bare-user-only') {
        expect([path, found.mode, found.uid, found.gid]).toEqual([path, stat.mode, stat.uid, stat.gid])
        expect(await xattrsOf(target, `out/${path}`)).toEqual(await xattrsOf(source, path))
      }
      if (stat.type === 'symlink')
        expect(await target.readlink(`out/${path}`)).toBe(await source.readlink(path))
      if (stat.type === 'file')
        expect(await readText(target, `out/${path}`)).toBe(await readText(source, path))
      if (stat.type === 'directory') expect(found.mtime).toBe(0)
    }
  })
})

describe.each(backings)('a checkout on $name', (backing) => {
  async function withRepo(test: (repo: OstreeRepo, dir: Dir) => Promise<void>) {
    await using place = await backing.make()
    await place.dir.mkdir('repo')
    await place.dir.mkdir('out')
    const options = { native: backing.native }
    await test(await initRepo(place.dir.sub('repo'), modeFor(backing), options), place.dir.sub('out'))
  }

  it('refuses a target that exists, and removes what it began when it fails', () =>
    withRepo(async (repo, out) => {
      const commit = await commitOf(repo, async (tree) => {
        await file(tree, 'a', 'a')
        await file(tree, 'b', 'b')
      })
      await out.mkdir('taken')
      await expect(repo.checkout(commit, out, { path: 'taken' })).rejects.toMatchObject({
        code: 'STORE_OSTREE_CHECKOUT_EXISTS',
      })
      const { files } = await repo.readDirTree((await repo.readCommit(commit)).rootTree)
      const name = `${files[1]!.checksum.slice(0, 2)}/${files[1]!.checksum.slice(2)}.file`
      await repo.dir.remove(`objects/${name}`)
      await expect(repo.checkout(commit, out, { path: 'new' })).rejects.toMatchObject({
        code: 'STORE_OSTREE_NO_OBJECT',
      })
      expect(await out.stat('new')).toBeUndefined()
    }))

  it('takes a subdirectory or one file', () =>
    withRepo(async (repo, out) => {
      const commit = await commitOf(repo, async (tree) => {
        await tree.mkdir('usr')
        await file(tree, 'usr/one', '1')
      })
      await repo.checkout(commit, out, { path: 'dir', subpath: '/usr' })
      expect(await readText(out, 'dir/one')).toBe('1')
      await repo.checkout(commit, out, { path: 'file', subpath: 'usr/one' })
      expect(await readText(out, 'file/one')).toBe('1')
      await expect(repo.checkout(commit, out, { path: 'x', subpath: 'usr/two' })).rejects.toMatchObject({
        code: 'TREE_NOT_FOUND',
      })
    }))

  it('lays trees over each other by the rule that was asked for', () =>
    withRepo(async (repo, out) => {
      const lower = await commitOf(repo, async (tree) => {
        await tree.mkdir('d')
        await file(tree, 'd/both', 'lower')
        await file(tree, 'd/lower', 'lower')
      })
      const upper = await commitOf(repo, async (tree) => {
        await tree.mkdir('d')
        await file(tree, 'd/both', 'upper')
        await file(tree, 'd/upper', 'upper')
      })
      const expected = { 'union-files': 'upper', 'add-files': 'lower' } as const
      for (const overwrite of ['union-files', 'add-files'] as const) {
        await repo.checkout(lower, out, { path: overwrite })
        await repo.checkout(upper, out, { path: overwrite, overwrite })
        expect(await readText(out, `${overwrite}/d/both`)).toBe(expected[overwrite])
        expect(await readText(out, `${overwrite}/d/lower`)).toBe('lower')
        expect(await readText(out, `${overwrite}/d/upper`)).toBe('upper')
      }
      await repo.checkout(lower, out, { path: 'same' })
      await repo.checkout(lower, out, { path: 'same', overwrite: 'union-identical' })
      await expect(
        repo.checkout(upper, out, { path: 'same', overwrite: 'union-identical' }),
      ).rejects.toMatchObject({ code: 'STORE_OSTREE_CHECKOUT_EXISTS', details: { path: 'same/d/both' } })
    }))

  it('does not replace a directory by a file, nor go through a symbolic link', () =>
    withRepo(async (repo, out) => {
      const commit = await commitOf(repo, async (tree) => {
        await tree.mkdir('d')
        await file(tree, 'd/f', 'x')
      })
      await out.mkdir('one')
      await out.mkdir('elsewhere')
      await out.symlink('../elsewhere', 'one/d')
      await expect(
        repo.checkout(commit, out, { path: 'one', overwrite: 'union-files' }),
      ).rejects.toMatchObject({
        code: 'STORE_OSTREE_CHECKOUT_EXISTS',
      })
      expect(await out.stat('elsewhere/f')).toBeUndefined()
      await out.mkdir('two')
      await out.mkdir('two/d')
      await out.mkdir('two/d/f')
      await expect(
        repo.checkout(commit, out, { path: 'two', overwrite: 'union-files' }),
      ).rejects.toMatchObject({
        code: 'STORE_OSTREE_CHECKOUT_EXISTS',
      })
    }))

  it('applies whiteouts, and hides their files', () =>
    withRepo(async (repo, out) => {
      const lower = await commitOf(repo, async (tree) => {
        for (const name of ['gone', 'kept', 'cleared']) await tree.mkdir(name)
        await file(tree, 'gone/f', '1')
        await file(tree, 'kept/f', '1')
        await file(tree, 'cleared/old', '1')
        await file(tree, 'file', '1')
      })
      const upper = await commitOf(repo, async (tree) => {
        await tree.mkdir('cleared')
        await file(tree, '.wh.gone', '')
        await file(tree, '.wh.file', '')
        await file(tree, 'cleared/.wh..wh..opq', '')
        await file(tree, 'cleared/new', '2')
      })
      await repo.checkout(lower, out, { path: 'x', whiteouts: true })
      await repo.checkout(upper, out, { path: 'x', whiteouts: true, overwrite: 'union-files' })
      expect(Object.keys(await collect(out, 'x')).sort()).toEqual([
        'cleared',
        'cleared/new',
        'kept',
        'kept/f',
      ])
    }))

  it('refuses a commit that is not complete', () =>
    withRepo(async (repo, out) => {
      const commit = await commitOf(repo, (tree) => file(tree, 'f', 'x'))
      await repo.dir.write(`state/${commit}.commitpartial`, Buffer.alloc(0))
      await expect(repo.checkout(commit, out, { path: 'x' })).rejects.toMatchObject({
        code: 'STORE_OSTREE_PARTIAL',
      })
    }))
})

describe.each(backings.filter(({ name }) => !name.includes('memory')))(
  'a checkout to the same disk on $name',
  (backing) => {
    it('links objects, but makes empty files anew and copies when told to', async () => {
      await using place = await temporaryDir()
      const mode = modeFor(backing)
      await place.dir.mkdir('repo')
      const repo = await initRepo(place.dir.sub('repo'), mode, { native: backing.native })
      const tree = memoryDir()
      await tree.write('full', Buffer.from('content'), { mode: 0o644, ...owner })
      await tree.write('empty', Buffer.alloc(0), { mode: 0o644, ...owner })
      const { commit } = await commitTree(repo, tree, { canonicalPermissions: mode !== 'bare' })
      await repo.checkout(commit, place.dir, { path: 'linked', hardlinksOnly: true })
      await repo.checkout(commit, place.dir, { path: 'copied', forceCopy: true })
      const links = (path: string) => lstatSync(`${place.path}/${path}`).nlink
      expect([links('linked/full'), links('linked/empty'), links('copied/full')]).toEqual([2, 1, 1])
      expect((await place.dir.stat('linked'))?.mtime).toBe(0)
    })

    it.skipIf(!isRoot)('makes whiteout devices for overlay file systems', async () => {
      await using place = await temporaryDir()
      await place.dir.mkdir('repo')
      const repo = await initRepo(place.dir.sub('repo'), 'bare', { native: backing.native })
      const tree = memoryDir()
      await tree.mkdir('d')
      await tree.write('d/.ostree-wh.hidden', Buffer.alloc(0), { mode: 0o640, uid: 7, gid: 8 })
      const { commit } = await commitTree(repo, tree)
      await repo.checkout(commit, place.dir, { path: 'on', passthroughWhiteouts: true })
      const stat = lstatSync(`${place.path}/on/d/hidden`)
      expect([stat.isCharacterDevice(), stat.rdev, stat.mode & 0o7777, stat.uid, stat.gid]).toEqual([
        true,
        0,
        0o640,
        7,
        8,
      ])
      await repo.checkout(commit, place.dir, { path: 'off' })
      expect((await place.dir.stat('off/d/.ostree-wh.hidden'))?.type).toBe('file')
    })
  },
)

it('opens a commit as a tree without laying it out', async () => {
  const repo = await openRepo(await goldenRepoDir('archive'), { native: false })
  const tree = await repo.openCommit(goldenV1)
  expect(await readText(tree, 'usr/bin/hello')).toContain('hello v1')
  expect(await tree.stat('usr/bin/su-demo')).toMatchObject({ type: 'file', mode: 0o4755, mtime: 0 })
  expect(await tree.stat('usr/nothing')).toBeUndefined()
  expect(await tree.stat('usr/bin/hello/below')).toBeUndefined()
  expect(await tree.readlink('usr/bin/hello-link')).toBe('hello')
  expect((await tree.xattrs('usr/share/private')).map(({ name }) => name)).toEqual(['user.dirattr'])
  const names: string[] = []
  for await (const { name } of tree.list('usr/share')) names.push(name)
  expect(names).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  const part: Uint8Array[] = []
  for await (const chunk of tree.read('usr/share/big.txt', { start: 1_000_000, end: 1_000_010 }))
    part.push(chunk)
  const whole = await readText(tree, 'usr/share/big.txt')
  expect(Buffer.concat(part).toString()).toBe(whole!.slice(1_000_000, 1_000_010))
  for (const [path, code] of [
    ['usr', 'TREE_NOT_FILE'],
    ['nope', 'TREE_NOT_FOUND'],
  ] as const) {
    await expect(tree.read(path)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code })
  }
})

it('leaves what somebody else has put at its place meanwhile', async () => {
  const repo = await openRepo(await goldenRepoDir('archive'), { native: false })
  const target = memoryDir()
  const theirs = async () => {
    await target.mkdir('out')
    await target.write('out/theirs', Buffer.from('x'))
  }
  let looks = 0
  const inTurn: Record<string, Dir> = {
    'before it is made': {
      ...target,
      async mkdir(path, meta) {
        if (path === 'out') await theirs()
        return target.mkdir(path, meta)
      },
    },
    'before it is looked at again': {
      ...target,
      async stat(path) {
        if (path === 'out' && ++looks === 2) await theirs()
        return target.stat(path)
      },
    },
  }
  for (const [when, dir] of Object.entries(inTurn)) {
    await expect(repo.checkout(goldenV1, dir, { path: 'out' })).rejects.toThrow()
    expect(await target.stat('out/theirs'), when).toBeDefined()
    await target.remove('out')
  }
})
