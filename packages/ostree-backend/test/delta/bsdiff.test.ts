import { memoryDir, seededRandom } from '@bootc-sdk/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeBsdiff } from '../../src/delta/bsdiff.js'
import { applyBspatch } from '../../src/delta/bspatch.js'
import { similarFiles } from '../../src/delta/similar-files.js'
import { commitTree, initRepo } from '../../src/index.js'
import { deflateRawSync } from 'node:zlib'

function noise(bytes: number, seed: number): Buffer {
  const random = seededRandom(seed)
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)))
}

/** Like a program whose parts moved: addresses in it are all another by the same number. */
function moved(source: Buffer, by: number): Buffer {
  const out = Buffer.concat([source.subarray(0, 1000), Buffer.alloc(by, 0x90), source.subarray(1000)])
  for (let at = 1200; at + 4 < out.length; at += 37) {
    out.writeUInt32LE((out.readUInt32LE(at) + by) >>> 0, at)
  }
  return out
}

describe('a patch', () => {
  test('makes the new file, whatever the two are', () => {
    const file = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.constantFrom(0, 1, 2), { maxLength: 600 }).map((bytes) => Uint8Array.from(bytes)),
    )
    const edits = fc.array(
      fc.record({ at: fc.nat(600), remove: fc.nat(60), insert: fc.uint8Array({ maxLength: 60 }) }),
      {
        maxLength: 6,
      },
    )
    fc.assert(
      fc.property(file, edits, fc.boolean(), (old, changes, isSwapped) => {
        let now = Buffer.concat([old, old])
        for (const { at, remove, insert } of changes) {
          now = Buffer.concat([now.subarray(0, at), insert, now.subarray(at + remove)])
        }
        const [source, target] = isSwapped ? [now, Buffer.from(old)] : [Buffer.from(old), now]
        if (target.length === 0) return
        const patch = makeBsdiff(source, target)
        expect(applyBspatch(source, patch, target.length, 'p').equals(target)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('of a program whose addresses moved is small', () => {
    const source = noise(200_000, 1)
    const target = moved(source, 64)
    const patch = makeBsdiff(source, target)
    expect(applyBspatch(source, patch, target.length, 'p').equals(target)).toBe(true)
    // Four changed bytes in 37: what they were changed by, and little else.
    expect(deflateRawSync(patch).length).toBeLessThan(target.length / 10)
  })

  test('of files with nothing in common, or with runs of one byte, is found quickly', () => {
    const started = performance.now()
    for (const [source, target] of [
      [noise(1_000_000, 1), noise(1_000_000, 2)],
      [Buffer.alloc(2_000_000), Buffer.alloc(2_000_001)],
      [Buffer.alloc(1_000_000), Buffer.concat([noise(1000, 3), Buffer.alloc(1_000_000, 1)])],
      [Buffer.alloc(1_000_000, 'abcd'), Buffer.alloc(1_000_000, 'abce')],
    ] as const) {
      const patch = makeBsdiff(source, target)
      expect(applyBspatch(source, patch, target.length, 'p').equals(target)).toBe(true)
    }
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

describe('an older version of a new file', () => {
  const commit = async (files: Readonly<Record<string, Buffer>>) => {
    const tree = memoryDir()
    for (const [path, content] of Object.entries(files)) {
      const parts = path.split('/').slice(0, -1)
      for (const i of parts.keys()) {
        const dir = parts.slice(0, i + 1).join('/')
        if ((await tree.stat(dir)) === undefined) await tree.mkdir(dir)
      }
      await tree.write(path, content)
    }
    return tree
  }

  test('is at its path, else one of its name that is about as large', async () => {
    const repo = await initRepo(memoryDir(), 'archive')
    const old = await commit({
      'same/a': noise(100, 1),
      'modules/6.1.0-1/ext4.ko': noise(1000, 2),
      'other/ext4.ko': noise(5000, 3),
      'lib/libz.so.1.2': noise(800, 4),
      'gone/empty': Buffer.alloc(0),
    })
    const now = await commit({
      'same/a': noise(100, 5),
      'modules/6.1.0-2/ext4.ko': noise(1050, 6),
      'lib/libz.so.1.3': noise(820, 7),
      'new/unheard': noise(10, 8),
      'new/empty': Buffer.alloc(1),
    })
    const from = await commitTree(repo, old, { branch: 'b', timestamp: 1, canonicalPermissions: true })
    const to = await commitTree(repo, now, { branch: 'b', timestamp: 2, canonicalPermissions: true })
    const pathOf = async (commit: string) => {
      const found = new Map<string, string>()
      const walk = async (tree: string, path: string): Promise<void> => {
        const { files, dirs } = await repo.readDirTree(tree)
        for (const { name, checksum } of files) found.set(checksum, path + name)
        for (const dir of dirs) await walk(dir.tree, `${path}${dir.name}/`)
      }
      await walk((await repo.readCommit(commit)).rootTree, '')
      return found
    }
    const [oldPaths, newPaths] = [await pathOf(from.commit), await pathOf(to.commit)]
    const pairs = [...(await similarFiles(repo, from.commit, to.commit))]
    expect(Object.fromEntries(pairs.map(([a, b]) => [newPaths.get(a), oldPaths.get(b)]))).toEqual({
      'same/a': 'same/a',
      'modules/6.1.0-2/ext4.ko': 'modules/6.1.0-1/ext4.ko',
      'lib/libz.so.1.3': 'lib/libz.so.1.2',
    })
  })
})
