import { describe, expect, it } from 'vitest'
import {
  filePaths,
  memoryDir,
  powerCutDir,
  PowerCut,
  powerSupply,
  type MemoryDir,
} from '@bootc-sdk/core/testing'
import { directory, Inode, S_IFREG, type FileTree } from '../../src/tree/inode.js'
import { initComposefsRepo, openComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'

function treeOf(files: ReadonlyMap<string, { id: string; size: number }>): FileTree {
  const root = directory()
  root.nlink = 2
  for (const [name, { id, size }] of files) {
    const file = new Inode(S_IFREG | 0o644)
    Object.assign(file, { size, digest: id, payload: `${id.slice(0, 2)}/${id.slice(2)}`, nlink: 1 })
    root.children!.set(name, file)
  }
  return { root }
}

/** An image with a layer and a manifest, as an import makes it; flushed in the middle. */
async function addImage(repo: ComposefsRepo, version: number): Promise<void> {
  await using transaction = await repo.begin()
  const writer = transaction.objects()
  const parts = [
    Buffer.alloc(5000, 'same'),
    Buffer.alloc(7000, `v${version}`),
    Buffer.alloc(200, `w${version}`),
  ]
  for (const part of parts) writer.put(part)
  const ids = await writer.finish()
  const layer = transaction.splitstream(1n)
  for (const [i, id] of ids.entries()) {
    layer.inline(Buffer.from(`head ${i} ${version}`))
    layer.external(id, parts[i]!.length)
  }
  const layerId = await layer.finish()
  transaction.setStream(`layer-${version}`, layerId)
  await transaction.flush()
  const image = await transaction.putImage(
    treeOf(new Map(ids.map((id, i) => [`f${i}`, { id, size: parts[i]!.length }]))),
  )
  const manifest = transaction.splitstream(2n)
  manifest.namedRef('layer', layerId)
  manifest.namedRef('image', image)
  manifest.inline(Buffer.from(`manifest ${version}`))
  transaction.setStream(`manifest-${version}`, await manifest.finish())
  transaction.setRef('streams', 'oci/tag', `manifest-${version}`)
  transaction.setRef('images', 'boot', image)
  await transaction.commit()
}

/** What a tag leads to, checked to the last byte. */
async function checkTag(repo: ComposefsRepo, state: string): Promise<string | undefined> {
  const name = await repo.readRef('streams', 'oci/tag')
  if (name === undefined) return undefined
  const manifest = await repo.openStream((await repo.stream(name))!)
  const layer = await repo.openStream(manifest.namedRefs.get('layer')!)
  let length = 0
  for await (const chunk of layer.read()) length += chunk.length
  expect(length, state).toBe(layer.sizeBytes)
  expect(await repo.hasImage(manifest.namedRefs.get('image')!), state).toBe(true)
  return name
}

/**
 * Do something to a copy of a directory, with the power cut before each of its writes in turn, and look at every
 * state that the disk may then be in.
 */
async function cutEverywhere(
  before: MemoryDir,
  work: (dir: MemoryDir) => Promise<void>,
  look: (dir: MemoryDir, state: string) => Promise<void>,
): Promise<number> {
  for (let writes = 0; ; writes++) {
    const supply = powerSupply()
    const { dir, survivors } = powerCutDir(before.snapshot(), supply)
    supply.cutAfter(writes)
    let finished = false
    try {
      await work(dir as MemoryDir)
      finished = true
    } catch (error) {
      if (!(error instanceof PowerCut) && !supply.isCut) throw error
    }
    for (const survivor of await survivors({ seed: writes + 1 })) {
      await look(survivor.dir, `after ${writes} writes (${supply.log.at(-1) ?? 'none'}), ${survivor.name}`)
    }
    if (finished) return writes
  }
}

async function expectWhole(repo: ComposefsRepo, state: string): Promise<void> {
  const { problems } = await repo.fsck()
  expect(problems, state).toEqual([])
}

// Hundreds of repositories are checked: on a busy machine that takes a while.
const slow = { timeout: 120_000 }

describe.each([
  { name: 'without fs-verity', verity: false },
  { name: 'with fs-verity', verity: true },
])('a power cut at any write, $name', slow, ({ verity }) => {
  const supports = { verity }
  const open = (dir: MemoryDir) => openComposefsRepo(dir, { native: false })

  async function repository(versions: number[]): Promise<MemoryDir> {
    const dir = memoryDir({ supports })
    await using repo = await initComposefsRepo(dir, {
      native: false,
      algorithm: 'sha256',
      requireVerity: verity,
    })
    for (const version of versions) await addImage(repo, version)
    return dir
  }

  it('during an import leaves the tag on a whole image, old or new; it can be repeated and collected', async () => {
    const base = await repository([1])
    const wanted = base.snapshot()
    {
      await using repo = await open(wanted)
      await addImage(repo, 2)
      await repo.gc()
    }
    const expected = await filePaths(wanted)
    const seen = new Set<string | undefined>()
    const writes = await cutEverywhere(
      base,
      async (dir) => {
        await using repo = await open(dir)
        await addImage(repo, 2)
      },
      async (dir, state) => {
        await using repo = await open(dir)
        await expectWhole(repo, state)
        seen.add(await checkTag(repo, state))
        await addImage(repo, 2)
        await expectWhole(repo, state)
        expect(await checkTag(repo, state)).toBe('manifest-2')
        await repo.gc()
        await expectWhole(repo, state)
        expect(await filePaths(dir), state).toEqual(expected)
      },
    )
    expect(writes).toBeGreaterThan(25)
    expect(seen).toEqual(new Set(['manifest-1', 'manifest-2']))
  })

  it('during a collection leaves nothing broken, and the rest can be collected', async () => {
    const base = await repository([1, 2])
    await base.mkdir('objects/.bootc-sdk-left')
    await base.write('objects/.bootc-sdk-left/part-0', Buffer.from('x'))
    const wanted = base.snapshot()
    {
      await using repo = await open(wanted)
      expect((await repo.gc()).objects).toBeGreaterThan(3)
    }
    const expected = await filePaths(wanted)
    const writes = await cutEverywhere(
      base,
      async (dir) => {
        await using repo = await open(dir)
        await repo.gc()
      },
      async (dir, state) => {
        await using repo = await open(dir)
        await expectWhole(repo, state)
        expect(await checkTag(repo, state)).toBe('manifest-2')
        await repo.gc()
        expect(await filePaths(dir), state).toEqual(expected)
      },
    )
    expect(writes).toBeGreaterThan(10)
  })

  it('during init leaves no repository or a whole one, and init can be repeated', async () => {
    const base = memoryDir({ supports })
    const init = async (dir: MemoryDir) => {
      await using repo = await initComposefsRepo(dir, { native: false, requireVerity: verity })
      expect(repo.verity.mode).toBe(verity ? 'required' : 'optional')
    }
    const writes = await cutEverywhere(base, init, async (dir, state) => {
      if ((await dir.stat('meta.json')) !== undefined)
        await open(dir).then((repo) => repo[Symbol.asyncDispose]())
      await init(dir)
      await using repo = await open(dir)
      await expectWhole(repo, state)
      await addImage(repo, 1)
      await expectWhole(repo, state)
    })
    expect(writes).toBeGreaterThan(4)
  })

  it('while an old repository gets its meta.json leaves one that opens', async () => {
    const base = await repository([1])
    await base.remove('meta.json')
    await cutEverywhere(
      base,
      async (dir) => (await open(dir))[Symbol.asyncDispose](),
      async (dir, state) => {
        await using repo = await open(dir)
        expect(repo.meta.algorithm).toBe('sha256')
        expect(repo.verity.mode, state).toBe(verity ? 'required' : 'optional')
        await expectWhole(repo, state)
      },
    )
  })
})

describe('the order of writes', () => {
  it('has a sync between contents, objects, images, streams and references', async () => {
    const base = memoryDir()
    const { dir, supply } = powerCutDir(base)
    await using repo = await initComposefsRepo(dir, { native: false })
    const before = supply.log.length
    await addImage(repo, 1)
    const kinds = supply.log.slice(before).map((line) => {
      if (line === 'sync') return 'sync'
      const target = / to ((?:objects|images|streams)\/.*)$/.exec(line)?.[1]
      if (!line.startsWith('rename') || target === undefined || target.includes('.bootc-sdk-'))
        return 'content'
      return target
        .split('/')
        .slice(0, target.includes('/refs/') ? 2 : 1)
        .join('/')
    })
    const steps = kinds.filter((kind) => kind !== 'content').filter((kind, i, all) => kind !== all[i - 1])
    expect(steps).toEqual([
      ...['sync', 'objects', 'sync', 'streams', 'sync'],
      ...['objects', 'sync', 'images', 'sync', 'streams', 'sync'],
      ...['images/refs', 'streams/refs', 'sync'],
    ])
  })
})

describe('a disk that is full at any write', () => {
  it('fails with STORE_NO_SPACE, leaves a whole repository, and the next import succeeds', async () => {
    const base = memoryDir()
    {
      await using repo = await initComposefsRepo(base, { native: false })
      await addImage(repo, 1)
    }
    const { BootcError } = await import('@bootc-sdk/core')
    for (let write = 0; ; write++) {
      const supply = powerSupply()
      const copy = base.snapshot()
      const { dir } = powerCutDir(copy, supply)
      supply.failAt(write, () => new BootcError('TREE_NO_SPACE', 'no space left', { details: { path: '' } }))
      let failed = false
      {
        await using repo = await openComposefsRepo(dir, { native: false })
        try {
          await addImage(repo, 2)
        } catch (error) {
          failed = true
          expect((error as { code?: string }).code, supply.log.at(-1)).toMatch(
            /^(STORE_NO_SPACE|TREE_NO_SPACE)$/,
          )
        }
      }
      await using repo = await openComposefsRepo(copy, { native: false })
      await expectWhole(repo, `write ${write}`)
      await addImage(repo, 2)
      expect(await checkTag(repo, `write ${write}`)).toBe('manifest-2')
      if (!failed && supply.writes <= write) return
    }
  })
})
