import { describe, expect, it } from 'vitest'
import { filePaths, memoryDir, type MemoryDir } from '@bootc-sdk/core/testing'
import { directory, Inode, S_IFREG, type FileTree } from '../../src/tree/inode.js'
import { initComposefsRepo, openComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { goldenIndex, unpackRepo } from './golden-repos.js'

const native = false

function imageOf(id: string, size: number): FileTree {
  const root = directory()
  const file = new Inode(S_IFREG | 0o644)
  Object.assign(file, { size, digest: id, payload: `${id.slice(0, 2)}/${id.slice(2)}`, nlink: 1 })
  root.children!.set('file', file)
  root.nlink = 2
  return { root }
}

/** A manifest over a layer, an image with a file of its own, and an object that nobody needs. */
async function fill(repo: ComposefsRepo, seed: string) {
  await using transaction = await repo.begin()
  const put = (name: string) => transaction.putObject(Buffer.alloc(100, `${seed} ${name}`))
  const [layerFile, imageFile, loose] = [await put('layer'), await put('image'), await put('loose')]
  const layer = transaction.splitstream(1n)
  layer.external(layerFile, 100)
  const layerId = await layer.finish()
  const image = await transaction.putImage(imageOf(imageFile, 100))
  const manifest = transaction.splitstream(2n)
  manifest.namedRef('layer', layerId)
  manifest.namedRef('image', image)
  manifest.inline(Buffer.from(seed))
  const manifestId = await manifest.finish()
  transaction.setStream(`layer-${seed}`, layerId)
  transaction.setStream(`manifest-${seed}`, manifestId)
  await transaction.commit()
  return { layerFile, imageFile, loose, layerId, image, manifestId }
}

async function setup() {
  const dir = memoryDir()
  const repo = await initComposefsRepo(dir, { native })
  return { dir, repo, ids: await fill(repo, 'a') }
}

async function point(
  repo: ComposefsRepo,
  kind: 'streams' | 'images',
  name: string,
  target: string | undefined,
) {
  await using transaction = await repo.begin()
  transaction.setRef(kind, name, target)
  await transaction.commit()
}

async function present(repo: ComposefsRepo, ids: Record<string, string>): Promise<string[]> {
  const there: string[] = []
  for (const [name, id] of Object.entries(ids)) if (await repo.hasObject(id)) there.push(name)
  return there.sort()
}

const at = (id: string) => `objects/${id.slice(0, 2)}/${id.slice(2)}`

describe('garbage collection', () => {
  it('keeps what a reference to a stream needs: named references, their streams, their objects', async () => {
    const { repo, ids } = await setup()
    await point(repo, 'streams', 'oci/a', 'manifest-a')
    expect(await repo.gc()).toEqual({ objects: 2, bytes: 200, images: 0, streams: 0, problems: [] })
    // The image of a named reference stays, its files do not: layers keep those of real images.
    expect(await present(repo, ids)).toEqual(['image', 'layerFile', 'layerId', 'manifestId'])
  })

  it('keeps what a reference to an image needs', async () => {
    const { repo, ids } = await setup()
    await point(repo, 'images', 'boot/main', ids.image)
    const result = await repo.gc()
    expect(result).toMatchObject({ objects: 4, images: 0, streams: 2, problems: [] })
    expect(await present(repo, ids)).toEqual(['image', 'imageFile'])
    expect((await repo.fsck()).problems).toEqual([])
  })

  it('keeps what it is told to, images and streams, as references do', async () => {
    const { repo, ids } = await setup()
    const roots = { images: [ids.image], streams: ['layer-a'] }
    await repo.gc(roots)
    expect(await present(repo, ids)).toEqual(['image', 'imageFile', 'layerFile', 'layerId'])
    await repo.gc({ streams: ['layer-a'] })
    expect(await present(repo, ids)).toEqual(['layerFile', 'layerId'])
    expect(await repo.stream('manifest-a')).toBeUndefined()
    expect((await repo.gc()).streams).toBe(1)
    expect(await present(repo, ids)).toEqual([])
    expect((await repo.fsck()).problems).toEqual([])
  })

  it('says in a dry run what it would do, and does not', async () => {
    const { dir, repo } = await setup()
    await dir.mkdir('objects/.bootc-sdk-dead')
    const before = await filePaths(dir)
    const planned = await repo.gc({}, { dryRun: true })
    expect(planned).toMatchObject({ objects: 6, images: 1, streams: 2 })
    expect(planned.bytes).toBeGreaterThan(300)
    expect(await filePaths(dir)).toEqual(before)
    expect(await repo.gc()).toEqual(planned)
    expect(await dir.stat('objects/.bootc-sdk-dead')).toBeUndefined()
  })

  it('removes what dead processes left, of either program', async () => {
    const { dir, repo } = await setup()
    await dir.mkdir('objects/.bootc-sdk-dead')
    await dir.write('objects/.tmp-object-abcDEF123456', Buffer.from('x'))
    await dir.symlink('../objects/00/x', 'streams/.symlink-abcDEF123456')
    await dir.symlink('../objects/00/x', 'images/.symlink-abcDEF123456')
    expect((await repo.gc()).problems).toEqual([])
    expect((await filePaths(dir)).filter((path) => path.includes('/.'))).toEqual([])
  })

  it('reports what composefs-rs stops at, and leaves it alone', async () => {
    const { dir, repo, ids } = await setup()
    await point(repo, 'streams', 'oci/a', 'manifest-a')
    await dir.write(`objects/${ids.loose.slice(0, 2)}/not-hex`, Buffer.from('x'))
    await dir.mkdir('objects/zz')
    await dir.write('objects/zz/file', Buffer.from('x'))
    await dir.write('streams/file', Buffer.from('x'))
    await dir.symlink('../../../../etc/passwd', 'images/outside')
    await dir.write('streams/refs/file', Buffer.from('x'))
    const { problems, objects } = await repo.gc()
    expect(problems.map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual([
      'broken-symlink images/outside',
      'entry-not-symlink streams/file',
      `object-invalid-name objects/${ids.loose.slice(0, 2)}/not-hex`,
      'unexpected-file-type streams/refs/file',
    ])
    expect(objects).toBe(2)
    const left = await filePaths(dir)
    expect(left).toEqual(expect.arrayContaining(['streams/file', 'images/outside', 'objects/zz/file']))
  })

  it('removes references to nothing', async () => {
    const { dir, repo, ids } = await setup()
    await point(repo, 'streams', 'oci/a', 'manifest-a')
    await dir.symlink('../../oci-manifest-sha256:none', 'streams/refs/oci/none')
    await dir.symlink('..', 'streams/refs/up')
    await dir.symlink('/etc/passwd', 'streams/refs/passwd')
    const result = await repo.gc()
    expect(result).toMatchObject({ objects: 2, streams: 3 })
    expect(result.problems.map(({ kind }) => kind)).toEqual(Array(3).fill('broken-symlink'))
    expect(await present(repo, ids)).toHaveLength(4)
    expect((await repo.fsck()).brokenLinks).toBe(0)
  })

  it.each([
    ['is missing', async (dir: MemoryDir, id: string) => dir.remove(at(id))],
    ['is damaged', async (dir: MemoryDir, id: string) => dir.write(at(id), Buffer.from('x'))],
    [
      'has a flipped bit in its references',
      async (dir: MemoryDir, id: string) => {
        const chunks: Uint8Array[] = []
        for await (const chunk of dir.read(at(id))) chunks.push(chunk)
        const bytes = Buffer.concat(chunks)
        bytes[120]! ^= 1
        await dir.write(at(id), bytes)
      },
    ],
  ] as const)('deletes nothing at all when a live stream %s', async (_, damage) => {
    const { dir, repo, ids } = await setup()
    await fill(repo, 'b')
    await point(repo, 'streams', 'oci/a', 'manifest-a')
    await damage(dir, ids.manifestId)
    const before = await filePaths(dir)
    const result = await repo.gc()
    expect(result).toMatchObject({ objects: 0, bytes: 0, images: 0, streams: 0 })
    expect(result.problems.map(({ kind }) => kind)).toEqual(['stream-open-failed'])
    expect(await filePaths(dir)).toEqual(before)
    await point(repo, 'streams', 'oci/a', undefined)
    expect((await repo.gc()).objects).toBeGreaterThan(5)
  })

  it('deletes nothing at all when a live image is damaged, or an entry that a reference names', async () => {
    const { dir, repo, ids } = await setup()
    await point(repo, 'images', 'main', ids.image)
    await dir.write(at(ids.image), Buffer.alloc(5000))
    expect(await repo.gc()).toMatchObject({ objects: 0, problems: [{ kind: 'image-open-failed' }] })
    await dir.remove(`images/${ids.image}`)
    await dir.write(`images/${ids.image}`, Buffer.from('x'))
    expect((await repo.gc()).objects).toBe(0)
    expect((await repo.gc({ images: ['ab'.repeat(64)] })).problems.length).toBeGreaterThan(1)
  })

  it('takes the image of a root that has lost its link', async () => {
    const { dir, repo, ids } = await setup()
    await dir.remove(`images/${ids.image}`)
    await repo.gc({ images: [ids.image] })
    expect(await present(repo, ids)).toEqual(['image', 'imageFile'])
  })

  it('of a repository that cfsctl made keeps a tag and drops the others', async () => {
    const dir = memoryDir()
    await unpackRepo('s512v1', dir)
    await using repo = await openComposefsRepo(dir, { native })
    for await (const { name } of repo.listRefs('streams', 'oci')) {
      if (name !== 'oci/basic:v1') await point(repo, 'streams', name, undefined)
    }
    const { objects, problems } = await repo.gc()
    expect(problems).toEqual([])
    expect(objects).toBeGreaterThan(30)
    expect((await repo.fsck()).problems).toEqual([])
    const manifest = (await repo.readRef('streams', 'oci/basic:v1'))!
    const layers = [...(await repo.openStream((await repo.stream(manifest))!)).namedRefs.keys()]
    expect(layers.length).toBeGreaterThan(1)
    const left: string[] = []
    for await (const { contentId } of repo.listStreams()) left.push(contentId)
    expect(left.length).toBeLessThan(Object.keys(goldenIndex('s512v1').streams).length)
    expect(left).toContain(manifest)
  })
})
