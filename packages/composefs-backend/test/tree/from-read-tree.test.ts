import { execFileSync, spawnSync } from 'node:child_process'
import { linkSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verityDigest } from '../../src/format/verity.js'
import { initComposefsRepo } from '../../src/repo/index.js'
import { digestFiles } from '../../src/repo/digest.js'
import { treeFromReadTree } from '../../src/tree/from-read-tree.js'
import type { FileToStore } from '../../src/tree/from-read-tree.js'
import { imageIdOf } from '../../src/tree/image-id.js'
import { ociTransform } from '../../src/tree/oci-transform.js'
import { repoFileReader } from '../../src/tree/read-file.js'
import { describeTree } from './describe-tree.js'
import { at, failure, textOf } from './layers.js'

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'composefs-tree-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

/** Digests of files of this machine, stored nowhere. */
async function digestOnly({ hostPath }: FileToStore): Promise<{ id: string; sizeBytes: number }> {
  const [made] = await digestFiles([hostPath!], 'sha512')
  if (made === undefined || 'code' in made) throw new Error(`${hostPath} cannot be read`)
  return { id: made.digest, sizeBytes: made.sizeBytes }
}

function touch(path: string, time: string): void {
  execFileSync('touch', ['--no-dereference', '--date', `@${time}`, path])
}

function makeRoot(): string {
  const root = join(base, 'root')
  for (const name of ['', 'usr', 'usr/bin', 'run', 'boot', 'sysroot']) mkdirSync(join(root, name))
  writeFileSync(join(root, 'usr/bin/large'), 'x'.repeat(5000), { mode: 0o751 })
  writeFileSync(join(root, 'usr/small'), 'small')
  writeFileSync(join(root, 'usr/empty'), '')
  writeFileSync(join(root, 'run/gone'), 'y'.repeat(100))
  writeFileSync(Buffer.concat([Buffer.from(join(root, 'usr/')), Buffer.of(0x61, 0xff)]), 'bytes')
  linkSync(join(root, 'usr/bin/large'), join(root, 'usr/link'))
  symlinkSync('../bin/large', join(root, 'usr/symlink'))
  execFileSync('mkfifo', [join(root, 'usr/pipe')])
  touch(join(root, 'usr/small'), '1700000000.123456789')
  touch(join(root, 'usr/symlink'), '1600000000.000000001')
  touch(join(root, 'usr'), '1700000001.999999999')
  return root
}

describe('a directory of this machine', () => {
  test('gives a tree with exact times, links, and digests of larger files', async () => {
    const root = makeRoot()
    touch(join(root, 'usr/empty'), '-5.5')
    const tree = await treeFromReadTree(nodeDir(root), digestOnly)
    const described = describeTree(tree)
    expect(described['/usr']).toMatchObject({ mtime: '1700000001.999999999', nlink: 3 })
    expect(described['/usr/small']).toMatchObject({ mtime: '1700000000.123456789', content: 'small' })
    expect(described['/usr/symlink']).toMatchObject({ mtime: '1600000000.1', target: '../bin/large' })
    // -5.5 is half a second after -6.
    expect(described['/usr/empty']).toMatchObject({ mtime: '-6.500000000', size: 0, content: '' })
    expect(described['/usr/pipe']).toMatchObject({ size: 0 })
    expect(described['/usr/bin/large']).toMatchObject({
      mode: '100751',
      size: 5000,
      nlink: 2,
      digest: verityDigest(Buffer.from('x'.repeat(5000)), 'sha512'),
    })
    expect(described['/usr/link']).toBe('the same as /usr/bin/large')
    expect(textOf(at(tree, 'usr/a\xff'))).toBe('bytes')
  })

  test('goes into a repository, object by object', async () => {
    mkdirSync(join(base, 'repo'))
    await using repo = await initComposefsRepo(nodeDir(join(base, 'repo')))
    await using transaction = await repo.begin()
    const tree = await treeFromReadTree(nodeDir(makeRoot()), (file) => transaction.putFile(file))
    const id = await transaction.putImage(ociTransform(tree))
    await transaction.commit()
    expect(await repo.hasImage(id)).toBe(true)
    expect(id).toBe(imageIdOf(ociTransform(tree), 'sha512', 1))
    const content = await repoFileReader(repo)(at(tree, 'usr/link'), 5000)
    expect(Buffer.from(content).toString()).toBe('x'.repeat(5000))
  })

  test('of which a file changes while it is read is refused', async () => {
    const root = makeRoot()
    const result = await failure(
      treeFromReadTree(nodeDir(root), async (file) => {
        writeFileSync(file.hostPath!, 'longer than before'.repeat(1000))
        return digestOnly(file)
      }),
    )
    expect(result).toEqual({ code: 'STORE_COMPOSEFS_INVALID', reason: 'changed while it was read' })
  })

  test.skipIf(process.getuid?.() !== 0)(
    'keeps the numbers of devices (only root can make them)',
    async () => {
      const root = makeRoot()
      execFileSync('mknod', [join(root, 'usr/dev'), 'c', '10', '300'])
      expect(at(await treeFromReadTree(nodeDir(root), digestOnly), 'usr/dev').rdev).toBe(
        Number(lstatSync(join(root, 'usr/dev')).rdev),
      )
    },
  )

  const cfsctl = process.env.COMPOSEFS_CFSCTL
  test.skipIf(cfsctl === undefined)(
    'has the id that cfsctl computes (COMPOSEFS_CFSCTL names it)',
    async () => {
      const root = makeRoot()
      const tree = ociTransform(await treeFromReadTree(nodeDir(root), digestOnly))
      for (const version of [1, 2] as const) {
        const argv = ['--no-repo', '--erofs-version', String(version), 'compute-id', root]
        const { stdout, stderr } = spawnSync(cfsctl!, argv, { encoding: 'utf8' })
        expect(stdout.trim(), stderr).toBe(imageIdOf(tree, 'sha512', version))
      }
    },
  )
})

describe('a tree that is no directory of this machine', () => {
  const store = (): Promise<{ id: string }> => Promise.resolve({ id: 'ab'.repeat(64) })

  test('has the times that it says, and links where it knows inode numbers', async () => {
    const dir = memoryDir()
    await dir.mkdir('d')
    await dir.write('d/f', Buffer.from('x'.repeat(65)), { mtime: 12 })
    await dir.link('d/f', 'd/g')
    await dir.symlink('f', 'd/l')
    await dir.setMeta('d', { mtime: 1700000000.5 })
    const tree = await treeFromReadTree(dir, store)
    expect(at(tree, 'd')).toMatchObject({ mtimeSec: 1700000000, mtimeNsec: 500000000 })
    expect(at(tree, 'd/f')).toBe(at(tree, 'd/g'))
    expect(at(tree, 'd/f')).toMatchObject({ digest: 'ab'.repeat(64), size: 65, nlink: 2, mtimeSec: 12 })
    expect(at(tree, 'd/l').target).toBe('f')
  })

  test('is read no further than its limits and its signal', async () => {
    const dir = memoryDir()
    for (let index = 0; index < 5; index++) await dir.write(`f${index}`, Buffer.from('x'))
    const limited = treeFromReadTree(dir, store, { limits: { maxEntries: 4 } })
    expect((await failure(limited)).reason).toBe('is more than 4 entries')
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(treeFromReadTree(dir, store, { signal })).rejects.toThrow('enough')
  })
})
