import { lstatSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ReadTree } from '@bootc-sdk/core'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import { packTar, type TarMember } from '@bootc-sdk/core/tar'
import { memoryDir, readText } from '@bootc-sdk/core/testing'
import { encodeXattrs, sha256Hex } from '../../src/format/index.js'
import {
  commitTree,
  commitTrees,
  fsckRepo,
  initRepo,
  openRepo,
  parseSkipList,
  parseStatOverride,
  type CommitSource,
} from '../../src/repo/index.js'
import { bytesOf, temporaryDir } from './backings.js'
import { goldenModes, goldenRepoDir, goldenTar, goldenV1 } from './golden-repos.js'

const archive = () => initRepo(memoryDir(), 'archive', { native: false })
const invalid = { code: 'STORE_OSTREE_INVALID' }

async function importTar(members: TarMember[], options: Partial<CommitSource> = {}) {
  const repo = await archive()
  const { commit } = await commitTrees(repo, [{ tar: bytesOf(packTar(members)), ...options }])
  return repo.openCommit(commit)
}

const dir = (name: string): TarMember => ({ name, type: 'directory', mode: 0o755 })
const file = (name: string, text: string): TarMember => ({
  name,
  type: 'file',
  mode: 0o644,
  data: Buffer.from(text),
})
const hardlink = (name: string, linkName: string): TarMember => ({
  name,
  type: 'hardlink',
  linkName,
  mode: 0o644,
})

describe('a tar', () => {
  it('may start its names with ./ or /, repeat a file, and hard-link an earlier one', async () => {
    const tree = await importTar([
      dir('./usr/'),
      file('/usr/a', 'first'),
      file('./usr/a', 'second'),
      hardlink('usr/b', './usr/a'),
    ])
    expect(await readText(tree, 'usr/a')).toBe('second')
    expect(await readText(tree, 'usr/b')).toBe('second')
    expect(await tree.stat('')).toMatchObject({ mode: 0o755, uid: 0 })
  })

  it('needs parents before their entries, unless they are to be made', async () => {
    await expect(importTar([file('usr/bin/x', '1')])).rejects.toMatchObject(invalid)
    const tree = await importTar([file('usr/bin/x', '1')], { autocreateParents: true })
    expect(await tree.stat('usr/bin')).toMatchObject({ type: 'directory', mode: 0o755 })
  })

  it('may have its names changed on the way in', async () => {
    const tree = await importTar([dir('root'), file('root/x', '1')], {
      rename: (path: string) => path.replace(/^root\/?/, ''),
    })
    expect(await readText(tree, 'x')).toBe('1')
  })

  it.each<[string, TarMember[]]>([
    ['a name that leads out', [file('../x', '1')]],
    ['a name that leads out from inside', [dir('a'), file('a/../../x', '1')]],
    ['a hard link to nothing', [hardlink('a', 'b')]],
    ['a hard link to a later file', [hardlink('a', 'b'), file('b', '1')]],
    ['a hard link to itself', [hardlink('a', 'a')]],
    ['a hard link to a directory', [dir('d'), hardlink('a', 'd')]],
    ['a hard link that leads out', [hardlink('a', '../../etc/passwd')]],
    ['an entry below a file', [file('a', '1'), file('a/b', '2')]],
    ['a file in place of a directory', [dir('a'), file('a', '1')]],
    ['a directory in place of a file', [file('a', '1'), dir('a')]],
  ])('with %s is refused', async (_, members) => {
    await expect(importTar(members)).rejects.toMatchObject(invalid)
  })

  it('with a device is refused, and a truncated one leaves nothing', async () => {
    await expect(importTar([{ name: 'null', type: 'char', mode: 0o666 } as TarMember])).rejects.toMatchObject(
      invalid,
    )
    const repo = await archive()
    const tar = goldenTar('tree-v1.tar').subarray(0, 1_000_000)
    await expect(commitTrees(repo, [{ tar: bytesOf(tar) }], { branch: 'x' })).rejects.toMatchObject({
      code: 'IMAGE_TAR_CORRUPT',
    })
    expect((await repo.listRefs()).size).toBe(0)
    for await (const { name } of repo.dir.list('tmp')) expect(name).toBe('nothing is left')
  })
})

describe('several trees', () => {
  it('lie over each other in order, stored ones included', async () => {
    const repo = await archive()
    const lower = memoryDir()
    await lower.mkdir('d', { mode: 0o700 })
    await lower.write('d/both', Buffer.from('lower'))
    await lower.write('d/lower', Buffer.from('lower'))
    await commitTree(repo, lower, { branch: 'lower' })
    const upper = memoryDir()
    await upper.mkdir('d', { mode: 0o750 })
    await upper.write('d/both', Buffer.from('upper'))
    const { commit } = await commitTrees(repo, [{ rev: 'lower' }, { tree: upper }])
    const tree = await repo.openCommit(commit)
    expect([await readText(tree, 'd/both'), await readText(tree, 'd/lower')]).toEqual(['upper', 'lower'])
    expect((await tree.stat('d'))?.mode).toBe(0o750)
    const reversed = await commitTrees(repo, [{ tree: upper }, { rev: 'lower' }])
    expect(await readText(await repo.openCommit(reversed.commit), 'd/both')).toBe('lower')
    await expect(commitTrees(repo, [{ rev: 'nothing' }])).rejects.toMatchObject({
      code: 'STORE_OSTREE_NO_REV',
    })
  })
})

describe('options of a commit', () => {
  it('bind it to its branch and collection, sorted, or not', async () => {
    const repo = await initRepo(memoryDir(), 'archive', { native: false, collectionId: 'org.example.Os' })
    const bound = await commitTree(repo, memoryDir(), { branch: 'b', bindRefs: ['a', 'c'] })
    expect((await repo.readCommit(bound.commit)).metadata).toEqual([
      ['ostree.ref-binding', { type: 'as', value: ['a', 'b', 'c'] }],
      ['ostree.collection-binding', { type: 's', value: 'org.example.Os' }],
    ])
    const free = await commitTree(repo, memoryDir(), { branch: 'b', bindings: false })
    const { metadata, parent } = await repo.readCommit(free.commit)
    expect([metadata, parent]).toEqual([[], bound.commit])
    const orphan = await commitTree(repo, memoryDir(), { branch: 'b', parent: null })
    expect((await repo.readCommit(orphan.commit)).parent).toBeUndefined()
  })

  it('name paths that must be there', async () => {
    const repo = await archive()
    await expect(commitTree(repo, memoryDir(), { skip: parseSkipList('/no\n') })).rejects.toMatchObject(
      invalid,
    )
    const statOverride = parseStatOverride('=420 /no\n')
    await expect(commitTree(repo, memoryDir(), { statOverride })).rejects.toMatchObject(invalid)
    for (const line of ['x /a', '=9999 /a', '420 a', '420'])
      expect(() => parseStatOverride(line)).toThrowError()
  })

  it('label entries, replacing what they had', async () => {
    const repo = await archive()
    const tree = memoryDir()
    await tree.write('a', Buffer.alloc(0), {
      xattrs: [{ name: 'security.selinux', value: Buffer.from('old\0') }],
    })
    await tree.write('b', Buffer.alloc(0), {
      xattrs: [{ name: 'security.selinux', value: Buffer.from('old\0') }],
    })
    const { commit } = await commitTree(repo, tree, { label: (path) => (path === 'a' ? 'new' : undefined) })
    const stored = await repo.openCommit(commit)
    expect((await stored.xattrs('a')).map(({ value }) => Buffer.from(value).toString())).toEqual(['new\0'])
    expect(await stored.xattrs('b')).toEqual([])
  })

  it('do not let special files or names that are no UTF-8 in', async () => {
    const repo = await archive()
    const tree = memoryDir()
    await tree.special('pipe', 'fifo')
    await expect(commitTree(repo, tree)).rejects.toMatchObject(invalid)
    const other = memoryDir()
    await other.write('bad\udcff', Buffer.alloc(0))
    await expect(commitTree(repo, other)).rejects.toMatchObject(invalid)
    expect((await fsckRepo(repo)).objects).toBe(0)
  })
})

it.skipIf(getNative() === undefined || process.getuid?.() !== 0).each(goldenModes)(
  'the addon and a plain directory make the same files in a %s repository',
  async (mode) => {
    const listing = async (native: false | undefined) => {
      await using place = await temporaryDir()
      const repo = await initRepo(place.dir, mode, { native })
      await commitTrees(repo, [{ tar: bytesOf(goldenTar('tree-v1.tar')) }], { timestamp: 1 })
      const found: string[] = []
      for await (const { name: prefix } of place.dir.list('objects')) {
        for await (const { name } of place.dir.list(`objects/${prefix}`)) {
          const path = `objects/${prefix}/${name}`
          const stat = lstatSync(`${place.path}/${path}`)
          const xattrs = await nodeDir(place.path).xattrs(path)
          const bytes: Uint8Array[] = []
          if (stat.isFile()) for await (const chunk of place.dir.read(path)) bytes.push(chunk)
          // Compressed bytes may differ between two builds of zlib.
          const content = name.endsWith('.filez') ? '' : sha256Hex(Buffer.concat(bytes))
          const zeroed = name.endsWith('.file') && stat.isFile() ? stat.mtimeMs : ''
          const attributes = xattrs.map(
            (xattr) => `${xattr.name}=${Buffer.from(xattr.value).toString('hex')}`,
          )
          found.push(
            [path, stat.mode.toString(8), stat.uid, stat.gid, zeroed, content, ...attributes].join(' '),
          )
        }
      }
      return found
    }
    expect(await listing(undefined)).toEqual(await listing(false))
  },
)

it('a repository with attributes in objects of their own is read', async () => {
  const split = await goldenRepoDir('bare')
  const bare = await openRepo(split.snapshot(), { native: false })
  await split.write('config', Buffer.from('[core]\nrepo_version=1\nmode=bare-split-xattrs\n'))
  for await (const { name: prefix } of split.list('objects')) {
    const names: string[] = []
    for await (const { name } of split.list(`objects/${prefix}`)) if (name.endsWith('.file')) names.push(name)
    for (const name of names) {
      const path = `objects/${prefix}/${name}`
      await split.write(`${path}-xattrs-link`, encodeXattrs(await split.xattrs(path)))
      await split.setMeta(path, { xattrs: [] })
    }
  }
  const repo = await openRepo(split, { native: false })
  expect((await fsckRepo(repo)).problems).toEqual([])
  const [ours, theirs] = [await repo.openCommit(goldenV1), await bare.openCommit(goldenV1)]
  const attributes = async (tree: ReadTree) =>
    (await tree.xattrs('usr/share/xattrs.txt')).map(
      ({ name, value }) => `${name}=${Buffer.from(value).toString('hex')}`,
    )
  expect(await attributes(ours)).toEqual(await attributes(theirs))
  expect(await attributes(ours)).toHaveLength(2)
  await using transaction = await repo.begin()
  expect(() =>
    transaction.content().put({ uid: 0, gid: 0, mode: 0o100644, xattrs: [] }, Buffer.alloc(0)),
  ).toThrowError(expect.objectContaining({ code: 'STORE_OSTREE_UNSUPPORTED' }))
})
