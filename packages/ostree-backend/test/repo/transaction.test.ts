import { describe, expect, it } from 'vitest'
import type { Dir } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { encodeCommit, encodeDirMeta, encodeDirTree, sha256Hex } from '../../src/format/index.js'
import {
  commitTree,
  fsckRepo,
  initRepo,
  openRepo,
  type FileHeader,
  type OstreeRepo,
} from '../../src/repo/index.js'
import { backings, bytesOf } from './backings.js'

const root: FileHeader = { uid: 0, gid: 0, mode: 0o100644, xattrs: [] }
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const someCommit = 'ab'.repeat(32)

async function namesBelow(dir: Dir, path: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of dir.list(path)) names.push(name)
  return names
}

async function objectNames(dir: Dir): Promise<string[]> {
  const names: string[] = []
  for (const prefix of await namesBelow(dir, 'objects')) {
    for (const name of await namesBelow(dir, `objects/${prefix}`)) names.push(`${prefix}/${name}`)
  }
  return names
}

async function smallTree(): Promise<Dir> {
  const tree = memoryDir()
  await tree.write('hello', Buffer.from('hello\n'), { mode: 0o644 })
  return tree
}

describe('the mark of a partial commit', () => {
  const commitBytes = encodeCommit({
    metadata: [],
    subject: '',
    body: '',
    timestamp: 1,
    rootTree: someCommit,
    rootMeta: someCommit,
  })
  const partial = sha256Hex(commitBytes)

  it('stays when something fails after the commit is visible', async () => {
    const dir = memoryDir()
    await initRepo(dir, 'archive', { native: false })
    const isVisible = async () =>
      (await dir.stat(`objects/${partial.slice(0, 2)}/${partial.slice(2)}.commit`)) !== undefined
    const failing: Dir = {
      ...dir,
      async sync() {
        if (await isVisible()) throw new Error('disk failed')
      },
    }
    const repo = await openRepo(failing, { native: false })
    const transaction = await repo.begin()
    await transaction.markPartial(partial, true)
    await transaction.writeMetadata('commit', commitBytes)
    await expect(transaction.commit()).rejects.toThrow('disk failed')
    expect(await repo.has('commit', partial)).toBe(true)
    expect(await repo.isPartial(partial)).toBe(true)
  })

  it('stays when another transaction that fetched the same gives up', async () => {
    const repo = await initRepo(memoryDir(), 'archive', { native: false })
    const first = await repo.begin()
    await first.markPartial(partial, true)
    await using second = await repo.begin()
    await second.markPartial(partial, true)
    await second.writeMetadata('commit', commitBytes)
    await first[Symbol.asyncDispose]()
    await second.commit()
    expect(await repo.isPartial(partial)).toBe(true)
  })
})

describe.each(backings)('a transaction on $name', (backing) => {
  async function withRepo(test: (repo: OstreeRepo, dir: Dir) => Promise<void>) {
    await using place = await backing.make()
    await test(await initRepo(place.dir, 'archive', { native: backing.native }), place.dir)
  }

  it('shows nothing before commit, and leaves nothing when it is disposed', () =>
    withRepo(async (repo, dir) => {
      {
        await using transaction = await repo.begin()
        const writer = transaction.content()
        writer.put(root, Buffer.from('content'))
        const large = writer.begin(root, 3_000_000)
        writer.data(large, Buffer.alloc(1_000_000))
        await transaction.writeMetadata('dirtree', encodeDirTree({ files: [], dirs: [] }))
        transaction.setRef('a/b', someCommit)
        await transaction.markPartial(someCommit, true)
        expect(await namesBelow(dir, 'tmp')).not.toEqual([])
      }
      expect(await namesBelow(dir, 'tmp')).toEqual([])
      expect(await namesBelow(dir, 'objects')).toEqual([])
      expect(await namesBelow(dir, 'state')).toEqual([])
      expect((await repo.listRefs()).size).toBe(0)
    }))

  it('writes objects in one piece, in several, and twice, under the same name', () =>
    withRepo(async (repo) => {
      const data = Buffer.alloc(2_500_000, 'some text, not too regular ')
      await using transaction = await repo.begin()
      const writer = transaction.content()
      const second = transaction.content()
      const whole = writer.put(root, data)
      const parts = writer.begin(root, data.length)
      const between = writer.put(root, Buffer.alloc(0))
      for await (const chunk of bytesOf(data, 700_001)) writer.data(parts, chunk)
      writer.end(parts)
      const again = second.put(root, data)
      const other = second.put({ ...root, mode: 0o100755 }, data)
      const sums = await writer.finish()
      const sums2 = await second.finish()
      expect(sums[parts]).toBe(sums[whole])
      expect(sums2[again]).toBe(sums[whole])
      expect(sums2[other]).not.toBe(sums[whole])
      expect(sums[between]).toBe('cc700d46f407c6c5ab2d5dde474366a928b7398277e61162e7f8ec06f469f07e')
      const { objects } = await transaction.commit()
      expect(objects).toBe(3)
      let length = 0
      for await (const chunk of repo.fileContent(sums[whole]!)) length += chunk.length
      expect(length).toBe(data.length)
    }))

  it('refuses a piece-wise object of another size than announced', () =>
    withRepo(async (repo, dir) => {
      if (backing.native === undefined) return
      await using transaction = await repo.begin()
      const writer = transaction.content()
      const id = writer.begin(root, 5)
      writer.data(id, Buffer.from('four'))
      writer.end(id)
      await expect(writer.finish()).rejects.toMatchObject({ code: 'STORE_OSTREE_INVALID' })
      await transaction[Symbol.asyncDispose]()
      expect(await namesBelow(dir, 'tmp')).toEqual([])
    }))

  it('cannot be used again, nor committed with a writer open', () =>
    withRepo(async (repo) => {
      const transaction = await repo.begin()
      const writer = transaction.content()
      await expect(transaction.commit()).rejects.toMatchObject({ code: 'STORE_OSTREE_INVALID' })
      await writer.finish()
      await transaction.commit()
      await expect(transaction.commit()).rejects.toMatchObject({ code: 'STORE_OSTREE_TRANSACTION_DONE' })
      expect(() => transaction.setRef('a', someCommit)).toThrowError(
        expect.objectContaining({ code: 'STORE_OSTREE_TRANSACTION_DONE' }),
      )
    }))

  it('replaces detached metadata, and keeps objects that are there', () =>
    withRepo(async (repo, dir) => {
      for (const value of ['first', 'second']) {
        await using transaction = await repo.begin()
        await transaction.writeDetached(someCommit, [['k', { type: 's', value }]])
        await transaction.writeMetadata('dirmeta', encodeDirMeta({ ...root, mode: 0o040755 }))
        await transaction.commit()
      }
      expect(await repo.readDetached(someCommit)).toEqual([['k', { type: 's', value: 'second' }]])
      expect(await objectNames(dir)).toHaveLength(2)
    }))

  it('removes what dead transactions left, never what living ones have', () =>
    withRepo(async (repo, dir) => {
      await dir.mkdir('tmp/bootc-sdk-dead')
      await dir.write('tmp/bootc-sdk-dead/leftover', Buffer.from('x'))
      await dir.write('tmp/bootc-sdk-orphan-lock', Buffer.alloc(0))
      await dir.mkdir('tmp/somebody-elses')
      const living = await repo.begin()
      const id = living.content()
      id.put(root, Buffer.from('kept'))
      const other = await repo.begin()
      const names = await namesBelow(dir, 'tmp')
      expect(names).not.toContain('bootc-sdk-dead')
      expect(names).not.toContain('bootc-sdk-orphan-lock')
      expect(names).toContain('somebody-elses')
      await other[Symbol.asyncDispose]()
      await id.finish()
      expect((await living.commit()).objects).toBe(1)
      expect(await namesBelow(dir, 'tmp')).toEqual(['somebody-elses'])
    }))

  it('sets and deletes refs together, and refuses places that are taken before anything moves', () =>
    withRepo(async (repo, dir) => {
      const { commit } = await commitTree(repo, await smallTree(), { branch: 'a/b', timestamp: 1 })
      {
        await using transaction = await repo.begin()
        transaction.setRef('remote1:x/y', commit)
        transaction.setRef('c', commit)
        transaction.setRef('a/b', undefined)
        await transaction.commit()
      }
      expect([...(await repo.listRefs()).keys()]).toEqual(['c', 'remote1:x/y'])
      const before = await objectNames(dir)
      for (const ref of ['c/below', 'remote1:x', 'remote1:x/y/z']) {
        await using transaction = await repo.begin()
        await transaction.writeDetached(someCommit, [])
        transaction.setRef(ref, commit)
        await expect(transaction.commit()).rejects.toMatchObject({ code: 'STORE_OSTREE_INVALID' })
      }
      expect(await objectNames(dir)).toEqual(before)
      expect(await namesBelow(dir, 'tmp')).toEqual([])
    }))

  it.each(['../escape', 'a/../../b', '', '/abs', 'bad name', 'x:../y'])('refuses the ref %j', (ref) =>
    withRepo(async (repo) => {
      await using transaction = await repo.begin()
      transaction.setRef(ref, someCommit)
      await expect(transaction.commit()).rejects.toMatchObject({ code: 'STORE_OSTREE_INVALID' })
    }),
  )

  it('rejects with the reason of an abort and leaves nothing', () =>
    withRepo(async (repo, dir) => {
      const controller = new AbortController()
      const tree = await smallTree()
      const reading = {
        ...tree,
        async *read(path: string) {
          controller.abort(new Error('enough'))
          yield* tree.read(path)
        },
      }
      await expect(commitTree(repo, reading, { signal: controller.signal })).rejects.toThrow('enough')
      expect(await namesBelow(dir, 'tmp')).toEqual([])
      expect(await objectNames(dir)).toEqual([])
    }))

  it('keeps the free space that the configuration asks for', () =>
    withRepo(async (repo, dir) => {
      await repo.setConfig([{ group: 'core', key: 'min-free-space-size', value: '900000TB' }])
      const tree = await smallTree()
      await expect(commitTree(repo, tree)).rejects.toMatchObject({ code: 'STORE_NO_SPACE' })
      expect(await namesBelow(dir, 'tmp')).toEqual([])
      expect(await objectNames(dir)).toEqual([])
      await repo.setConfig([{ group: 'core', key: 'min-free-space-size', value: '0MB' }])
      await commitTree(repo, tree)
    }))

  it('takes a shared lock: an exclusive one waits for it and times out', () =>
    withRepo(async (repo, dir) => {
      await repo.setConfig([{ group: 'core', key: 'lock-timeout-secs', value: '0' }])
      const transaction = await repo.begin()
      const second = await repo.begin()
      await expect(repo.prune()).rejects.toMatchObject({ code: 'STORE_OSTREE_LOCKED' })
      await second[Symbol.asyncDispose]()
      await transaction[Symbol.asyncDispose]()
      await repo.prune()
      {
        await using _held = await dir.lock('.lock', { exclusive: true })
        await expect(repo.begin()).rejects.toMatchObject({ code: 'STORE_OSTREE_LOCKED' })
      }
      expect(await namesBelow(dir, 'tmp')).toEqual([])
    }))

  it('updates the summary when configured to', () =>
    withRepo(async (repo) => {
      await repo.setConfig([{ group: 'core', key: 'auto-update-summary', value: 'true' }])
      const { commit } = await commitTree(repo, await smallTree(), { branch: 'main' })
      const { readSummary } = await import('../../src/repo/index.js')
      expect((await readSummary(repo))?.refs).toMatchObject([{ ref: 'main', commit }])
    }))
})

describe('a full disk', () => {
  it.each(['archive', 'bare', 'bare-user'] as const)(
    'at any size fails a commit into %s with a typed error, leaves nothing, and the next commit succeeds',
    async (mode) => {
      const tree = memoryDir()
      for (let index = 0; index < 20; index++) {
        const text = Array.from({ length: 3000 }, (_, line) => (line * line * (index + 7)) % 9973).join('\n')
        await tree.write(`file-${index}`, Buffer.from(text), owner)
      }
      await tree.write('large', Buffer.alloc(1_500_000, 'abc'), owner)
      let failures = 0
      let capacityBytes = 20_000
      for (; ; capacityBytes = Math.ceil(capacityBytes * 1.5)) {
        const dir = memoryDir({ capacityBytes })
        const repo = await initRepo(dir, mode, { native: false })
        await repo.setConfig([{ group: 'core', key: 'min-free-space-percent', value: '0' }])
        try {
          await commitTree(repo, tree, { branch: 'main' })
          break
        } catch (error) {
          failures++
          expect(error).toMatchObject({ code: 'STORE_NO_SPACE' })
          expect(await namesBelow(dir, 'tmp')).toEqual([])
          expect((await repo.listRefs()).size).toBe(0)
        }
      }
      expect(failures).toBeGreaterThan(3)
    },
  )

  it('counts what was written, not what was there already', async () => {
    const dir = memoryDir({ capacityBytes: 20_000_000 })
    const repo = await initRepo(dir, 'bare', { native: false })
    await repo.setConfig([{ group: 'core', key: 'min-free-space-percent', value: '60' }])
    const tree = memoryDir()
    await tree.write('large', Buffer.alloc(6_000_000, 'abc'))
    await commitTree(repo, tree, { branch: 'main' })
    // Two megabytes are left, and none is needed.
    await commitTree(repo, tree, { branch: 'main' })
    await tree.write('large', Buffer.alloc(6_000_000, 'abcd'))
    await expect(commitTree(repo, tree, { branch: 'main' })).rejects.toMatchObject({ code: 'STORE_NO_SPACE' })
    expect(await namesBelow(dir, 'tmp')).toEqual([])
  })
})

describe('modes', () => {
  it.each([
    ['another owner', { ...root, uid: 1 }],
    ['attributes', { ...root, xattrs: [{ name: 'user.a', value: Buffer.from('x') }] }],
    ['setuid', { ...root, mode: 0o104755 }],
    ['write permission for all', { ...root, mode: 0o100666 }],
  ])('bare-user-only refuses %s', async (_, header) => {
    const repo = await initRepo(memoryDir(), 'bare-user-only', { native: false })
    await using transaction = await repo.begin()
    expect(() => transaction.content().put(header, Buffer.alloc(1))).toThrowError(
      expect.objectContaining({ code: 'STORE_OSTREE_INVALID' }),
    )
  })

  it('are not changed by a second init, which otherwise repeats', async () => {
    const dir = memoryDir()
    await initRepo(dir, 'archive', { native: false })
    await initRepo(dir, 'archive', { native: false })
    await expect(initRepo(dir, 'bare', { native: false })).rejects.toMatchObject({
      code: 'STORE_OSTREE_INVALID',
    })
  })

  it.each([
    ['', 'STORE_OSTREE_INVALID'],
    ['[core]\nrepo_version=2\nmode=bare\n', 'STORE_OSTREE_INVALID'],
    ['[core]\nrepo_version=1\nmode=squash\n', 'STORE_OSTREE_INVALID'],
    ['nonsense', 'TREE_KEYFILE_INVALID'],
  ])('of a config %j are refused', async (config, code) => {
    const dir = memoryDir()
    await dir.mkdir('objects')
    await expect(openRepo(dir)).rejects.toMatchObject({ code: 'STORE_OSTREE_NOT_A_REPO' })
    await dir.write('config', Buffer.from(config))
    await expect(openRepo(dir)).rejects.toMatchObject({ code })
  })

  it('keep unknown keys of the config when it is edited', async () => {
    const dir = memoryDir()
    await initRepo(dir, 'bare', { native: false })
    await dir.write(
      'config',
      Buffer.from('# note\n[core]\nrepo_version=1\nmode=bare\nfuture=1\n\n[x "y"]\nz=1\n'),
    )
    const repo = await openRepo(dir, { native: false })
    await repo.setConfig([{ group: 'remote "o"', key: 'url', value: 'http://localhost/' }])
    const again = await openRepo(dir, { native: false })
    expect(again.config('core', 'future')).toBe('1')
    expect(again.config('x "y"', 'z')).toBe('1')
    expect(again.config('remote "o"', 'url')).toBe('http://localhost/')
  })
})

it('objects of all modes survive a check', async () => {
  for (const mode of ['archive', 'bare', 'bare-user', 'bare-user-only'] as const) {
    const repo = await initRepo(memoryDir(), mode, { native: false })
    await commitTree(repo, await smallTree(), { branch: 'main' })
    expect((await fsckRepo(repo)).problems).toEqual([])
  }
})
