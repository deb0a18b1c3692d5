import { isBootcError, type ErrorCode } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encapsulate, type EncapsulateOptions } from '../../../src/container/export/encapsulate.js'
import type { ContentMeta } from '../../../src/container/export/content-meta.js'
import { ostreeImageStore } from '../../../src/container/image-store.js'
import { encodeCommit } from '../../../src/format/commit.js'
import { encodeDirTree } from '../../../src/format/dirtree.js'
import { objectName } from '../../../src/format/checksum.js'
import { fsckRepo, initRepo, lsTree } from '../../../src/repo/index.js'
import type { OstreeRepo } from '../../../src/repo/api.js'
import { temporaryDir } from '../../repo/backings.js'
import { expectOstreeInCi, noOstree, ostree } from '../../repo/real-ostree.js'
import { oddTree, TreeMaker } from './odd-tree.js'
import { builtBlobs, importBuilt, memoryRepo } from './support.js'

const amd64 = { platform: { architecture: 'amd64', os: 'linux' } }

/** What an import of the image gives elsewhere: the commit itself. */
async function comesBack(
  repo: OstreeRepo,
  commit: string,
  options: EncapsulateOptions = {},
): Promise<OstreeRepo> {
  await using built = await encapsulate(repo, commit, options)
  const elsewhere = await memoryRepo()
  const image = await importBuilt(ostreeImageStore(elsewhere), built)
  expect(image.layers[0]!.id).toBe(commit)
  return elsewhere
}

/** Components that own what `of` says, by path. */
async function contentMeta(
  repo: OstreeRepo,
  commit: string,
  of: (path: string) => string,
): Promise<ContentMeta> {
  const mapping = new Map<string, string>()
  for await (const { path, checksum } of lsTree(repo, commit, '/', { recursive: true })) {
    if (checksum !== undefined) mapping.set(checksum, of(path))
  }
  const ids = [...new Set(mapping.values())]
  return { components: ids.map((id) => ({ id, name: `name of ${id}` })), mapping }
}

describe('a commit with odd names, owners and targets', () => {
  // Made by ostree-ext of bootc 1.16.9: `container encapsulate --repo R odd oci:…` for the same commit.
  const realDigest = 'sha256:0c89a3760e344cf837a386968d47ff943969103aac9afdfadc5473de11abd761'

  test('gives the image that the real tool makes of it', async () => {
    const repo = await memoryRepo()
    const commit = await (await oddTree()).commit(repo)
    expect(commit).toBe('a4cfbe8a16ab864dd29398813522790832da98402c83899fb3d518fb8e3d6bcb')
    await using built = await encapsulate(repo, commit, amd64)
    expect(built.image.manifestDigest).toBe(realDigest)
  })

  test.each(['gzip', 'gzip-fast', 'none'] as const)('comes back, compressed with %s', async (compression) => {
    const repo = await memoryRepo()
    const elsewhere = await comesBack(repo, await (await oddTree()).commit(repo), { compression })
    expect((await fsckRepo(elsewhere)).problems).toEqual([])
  })

  test.skipIf(noOstree !== undefined)(
    'and the real ostree finds nothing wrong with what came back',
    async () => {
      const repo = await memoryRepo()
      const commit = await (await oddTree()).commit(repo)
      await using built = await encapsulate(repo, commit)
      await using place = await temporaryDir()
      const elsewhere = await initRepo(nodeDir(place.path), 'archive')
      await importBuilt(ostreeImageStore(elsewhere), built)
      await ostree(place.path, 'fsck', '-q')
      expect((await ostree(place.path, 'ls', '-R', commit)).split('\n').length).toBeGreaterThan(300)
    },
  )

  test('ostree is there in CI', expectOstreeInCi)

  test('in layers, comes back and is the same each time', async () => {
    const repo = await memoryRepo()
    const commit = await (await oddTree()).commit(repo)
    const meta = await contentMeta(repo, commit, (path) => path.split('/').slice(0, 4).join('/'))
    await comesBack(repo, commit, { contentMeta: meta })
    await using first = await encapsulate(repo, commit, { contentMeta: meta, maxLayers: 6 })
    await using again = await encapsulate(repo, commit, { contentMeta: meta, maxLayers: 6 })
    expect(first.image.manifest.layers.length).toBeLessThanOrEqual(7)
    expect(await builtBlobs(again)).toEqual(await builtBlobs(first))
  })
})

test('targets that the real tool breaks come back as they were', async () => {
  const repo = await memoryRepo()
  const tree = new TreeMaker()
  const targets = [
    '/',
    'a/./b',
    'x/.',
    './/',
    `${'l'.repeat(90)}/./${'l'.repeat(9)}`,
    `a//${'l'.repeat(120)}`,
  ]
  for (const [i, target] of targets.entries()) await tree.link(`usr/link${i}`, target)
  const commit = await tree.commit(repo)
  const elsewhere = await comesBack(repo, commit)
  const root = await elsewhere.openCommit(commit)
  for (const [i, target] of targets.entries()) expect(await root.readlink(`usr/link${i}`)).toBe(target)
})

test('what lies below /sysroot, and an empty one that no other directory equals, comes back', async () => {
  const repo = await memoryRepo()
  const tree = new TreeMaker()
  await tree.file('sysroot/below/file', 'x')
  await tree.file('usr/file', 'y')
  await comesBack(repo, await tree.commit(repo))
  const other = new TreeMaker()
  await other.directory('sysroot', { mode: 0o700 })
  await other.file('usr/file', 'y')
  await comesBack(repo, await other.commit(repo))
})

const segment = fc.oneof(
  fc.constantFrom('a', 'etc', 'usr', 'sysroot', 'var', 'tmp', '.hidden', '..x', 'ostree'),
  fc.string({ minLength: 1, maxLength: 130, unit: 'binary' }).filter((name) => {
    const isName = name !== '.' && name !== '..' && !/[/\0]/.test(name)
    return isName && Buffer.byteLength(name) <= 255 && name.isWellFormed()
  }),
)
const entry = fc.record({
  path: fc.array(segment, { minLength: 1, maxLength: 5 }),
  kind: fc.constantFrom('file', 'file', 'file', 'link', 'directory'),
  data: fc.oneof(fc.constantFrom('', 'same'), fc.string({ maxLength: 2000 })),
  target: fc.string({ minLength: 1, maxLength: 150 }).filter((text) => !text.includes('\0')),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.constantFrom(0, 1000, 0x7fff_ffff, 0xffff_fffe),
  xattr: fc.option(fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\0'))),
  bin: fc.constantFrom('a', 'b', 'c'),
})

test('any tree comes back as the same commit, in one layer and in several, and gives the same bytes twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 25 }), async (entries) => {
      const tree = new TreeMaker()
      const bins = new Map<string, string>()
      for (const { path: parts, kind, data, target, mode, uid, xattr, bin } of entries) {
        const path = parts.join('/')
        const owner = {
          mode,
          uid,
          gid: uid,
          xattrs: xattr === null ? {} : { [`user.${xattr}`]: data || 'v' },
        }
        bins.set(`/${path}`, bin)
        try {
          if (kind === 'file') await tree.file(path, data, owner)
          else if (kind === 'link') await tree.link(path, target)
          else await tree.directory(path, owner)
        } catch (error) {
          // Something else has the name.
          if (!isBootcError(error)) throw error
        }
      }
      const repo = await memoryRepo('bare')
      const commit = await tree.commit(repo, 'any')
      await comesBack(repo, commit, { compression: 'none' })
      const meta = await contentMeta(repo, commit, (path) => bins.get(path) ?? 'a')
      const options = { contentMeta: meta, compression: 'none' } as const
      await comesBack(repo, commit, options)
      await using one = await encapsulate(repo, commit, options)
      await using two = await encapsulate(repo, commit, options)
      expect(two.image.manifestDigest).toBe(one.image.manifestDigest)
    }),
    { numRuns: 30 },
  )
})

describe('what is no whole commit', () => {
  const fails = async (repo: OstreeRepo, rev: string, code: ErrorCode, options: EncapsulateOptions = {}) => {
    const error: unknown = await encapsulate(repo, rev, options).then(
      async (built) => {
        await built[Symbol.asyncDispose]()
        return 'made'
      },
      (cause: unknown) => cause,
    )
    expect(isBootcError(error, code), String(error)).toBe(true)
    return error as Error
  }

  async function small(): Promise<{ repo: OstreeRepo; commit: string; file: string; rootTree: string }> {
    const repo = await memoryRepo('bare')
    const tree = new TreeMaker()
    await tree.file('usr/file', 'content')
    await tree.file('usr/big', Buffer.alloc(1_000_000, 'big'))
    const commit = await tree.commit(repo)
    const { rootTree } = await repo.readCommit(commit)
    const { dirs } = await repo.readDirTree(rootTree)
    const { files } = await repo.readDirTree(dirs[0]!.tree)
    return { repo, commit, rootTree, file: files.find(({ name }) => name === 'file')!.checksum }
  }

  test('has no image: unknown names, other objects, missing ones', async () => {
    const { repo, commit, rootTree, file } = await small()
    await fails(repo, 'nothing', 'STORE_OSTREE_NO_REV')
    await fails(repo, rootTree, 'STORE_OSTREE_NO_OBJECT')
    await repo.dir.remove(`objects/${objectName('file', file, 'bare')}`)
    await fails(repo, commit, 'STORE_OSTREE_NO_OBJECT')
    await repo.dir.remove(`objects/${objectName('dirtree', rootTree, 'bare')}`)
    await fails(repo, commit, 'STORE_OSTREE_NO_OBJECT')
  })

  test('has no image: partial commits', async () => {
    const { repo, commit } = await small()
    await using transaction = await repo.begin()
    await transaction.markPartial(commit, true)
    await transaction.commit()
    await fails(repo, commit, 'STORE_OSTREE_PARTIAL')
  })

  test('has no image: content that changed, of the same size or another', async () => {
    for (const [name, data] of [
      ['file', 'CONTENT'],
      ['file', 'shorter or longer'],
      ['big', Buffer.alloc(1_000_000, 'BIG')],
    ] as const) {
      const { repo, commit } = await small()
      const { dirs } = await repo.readDirTree((await repo.readCommit(commit)).rootTree)
      const { files } = await repo.readDirTree(dirs[0]!.tree)
      const { checksum } = files.find((file) => file.name === name)!
      await repo.dir.write(`objects/${objectName('file', checksum, 'bare')}`, Buffer.from(data), {
        mode: 0o644,
      })
      await fails(repo, commit, 'STORE_OSTREE_CORRUPT')
    }
  })

  test('has no image: a few directories that stand for endless paths', async () => {
    const { repo, commit } = await small()
    const { rootMeta, rootTree } = await repo.readCommit(commit)
    await using transaction = await repo.begin()
    let tree = rootTree
    for (let depth = 0; depth < 60; depth++) {
      const dirs = ['a', 'b'].map((name) => ({ name, tree, meta: rootMeta }))
      tree = await transaction.writeMetadata('dirtree', encodeDirTree({ files: [], dirs }))
    }
    const bomb = await transaction.writeMetadata(
      'commit',
      encodeCommit({ metadata: [], subject: '', body: '', timestamp: 0, rootTree: tree, rootMeta }),
    )
    let long = rootTree
    for (let depth = 0; depth < 3000; depth++) {
      const dirs = [{ name: 'd', tree: long, meta: rootMeta }]
      long = await transaction.writeMetadata('dirtree', encodeDirTree({ files: [], dirs }))
    }
    const deep = await transaction.writeMetadata(
      'commit',
      encodeCommit({ metadata: [], subject: '', body: '', timestamp: 0, rootTree: long, rootMeta }),
    )
    await transaction.commit()
    expect((await fails(repo, bomb, 'STORE_OSTREE_INVALID')).message).toMatch(/paths/)
    expect((await fails(repo, deep, 'STORE_OSTREE_INVALID')).message).toMatch(/bytes/)
  })

  test('has no image: objects without a component, metadata keys that are not there, too few layers', async () => {
    const { repo, commit } = await small()
    const meta = await contentMeta(repo, commit, (path) => path)
    const without = { ...meta, mapping: new Map([...meta.mapping].slice(1)) }
    await fails(repo, commit, 'STORE_OSTREE_INVALID', { contentMeta: without })
    await fails(repo, commit, 'STORE_OSTREE_INVALID', { contentMeta: meta, maxLayers: 2 })
    await fails(repo, commit, 'STORE_OSTREE_INVALID', { contentMeta: meta, maxLayers: 0 })
    await fails(repo, commit, 'STORE_OSTREE_INVALID', { copyMeta: ['version'] })
    const previous = { layers: [0, 1].map(() => ({ mediaType: '', digest: 'sha256:0', size: 0 }) as const) }
    await fails(repo, commit, 'STORE_OSTREE_INVALID', { contentMeta: meta, previous })
  })

  test('and a signal that was given before, or while layers are made, ends it with its reason', async () => {
    const { repo, commit } = await small()
    const reason = new Error('enough')
    await expect(encapsulate(repo, commit, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(reason)
    await expect(encapsulate(repo, commit, { signal: controller.signal, onProgress })).rejects.toBe(reason)
  })
})

test('components of their own come first, with the paths that they name and no others', async () => {
  const repo = await memoryRepo()
  const tree = new TreeMaker()
  for (const name of ['kernel', 'copy']) await tree.file(`usr/${name}`, 'same content')
  await tree.file('usr/other', 'other')
  const commit = await tree.commit(repo)
  const meta = await contentMeta(repo, commit, () => 'rest')
  const shared = [...meta.mapping.keys()]
  const root = await repo.openCommit(commit)
  expect(await root.stat('usr/kernel')).toBeDefined()
  const exclusive = new Map([['kernel-6', shared.map((checksum) => ({ path: '/usr/kernel', checksum }))]])
  await using built = await encapsulate(repo, commit, { contentMeta: meta, exclusive, compression: 'none' })
  const { layers } = built.image.manifest
  expect(layers.map(({ annotations }) => annotations?.['ostree.components'])).toEqual([
    undefined,
    'kernel-6',
    'name of rest',
    '',
  ])
  const blobs = await builtBlobs(built)
  const text = (i: number): string => blobs.get(layers[i]!.digest.slice(7))!.toString('latin1')
  expect(text(1)).toContain('usr/kernel\0')
  expect(text(1)).not.toContain('usr/copy\0')
  expect(text(2)).toContain('usr/copy\0')
  await comesBack(repo, commit, { contentMeta: meta, exclusive })
})
