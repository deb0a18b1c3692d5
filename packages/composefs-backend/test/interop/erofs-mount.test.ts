import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { nodeDir } from '@bootc-sdk/core/node'
import { parseDump } from '../../src/format/dump/parse.js'
import { checkErofs } from '../../src/format/erofs/check.js'
import { infoLs, infoMissingObjects, infoObjects } from '../../src/format/erofs/read-info.js'
import { readErofs } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'
import type { VerityAlgorithm } from '../../src/format/types.js'
import { erofsReadTree } from '../../src/tree/erofs-read-tree.js'
import { diffTrees } from '../../src/tree/diff.js'
import { S_IFDIR, S_IFMT, type FileTree } from '../../src/tree/inode.js'
import { toBytes } from '../../src/tree/names.js'
import {
  composefsTool,
  noComposefsTools,
  noMount,
  runInMount,
  sourceTreeScript,
  walkScript,
} from '../support/erofs-mount.js'
import { comparable, parseWalk, sha256, treeOfWalk, type WalkedEntry } from '../support/walked-tree.js'

const scratch = mkdtempSync(join(tmpdir(), 'erofs-mount-'))
const source = join(scratch, 'source')
const objects = { sha256: join(scratch, 'objects-sha256'), sha512: join(scratch, 'objects-sha512') }
const walk = (directory: string) => ['python3', walkScript, directory]
const cases = [
  [0, 'sha256'],
  [1, 'sha256'],
  [1, 'sha512'],
  [2, 'sha512'],
] as const

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function writeImage(tree: FileTree, version: 0 | 1 | 2, algorithm: VerityAlgorithm): string {
  const path = join(scratch, `image-${version}-${algorithm}`)
  writeFileSync(path, writeErofs(tree, { version, algorithm, flavor: 'rs' }))
  return path
}

/** Version 2 has no fractions of seconds. */
function expected(entries: readonly WalkedEntry[], version: 0 | 1 | 2): unknown[] {
  const whole = (ns: string) => String(BigInt(ns) - (((BigInt(ns) % 10n ** 9n) + 10n ** 9n) % 10n ** 9n))
  return comparable(
    version === 2 ? entries.map((entry) => ({ ...entry, mtimeNs: whole(entry.mtimeNs) })) : entries,
  )
}

function withoutAcl(entry: WalkedEntry): WalkedEntry {
  const xattrs = Object.entries(entry.xattrs).filter(([name]) => !name.startsWith('system.posix_acl_'))
  return { ...entry, xattrs: Object.fromEntries(xattrs) }
}

describe.skipIf(noMount)(`an image of ours in the kernel${noMount ? ` (skipped: ${noMount})` : ''}`, () => {
  let entries: WalkedEntry[]
  const trees = {} as Record<VerityAlgorithm, FileTree>

  beforeAll(() => {
    mkdirSync(source)
    execFileSync('python3', [sourceTreeScript, source])
    entries = parseWalk(
      execFileSync('python3', walk(source).slice(1), { encoding: 'utf8', maxBuffer: 1 << 28 }),
    )
    for (const algorithm of ['sha256', 'sha512'] as const) {
      mkdirSync(objects[algorithm])
      trees[algorithm] = treeOfWalk(source, entries, objects[algorithm], algorithm)
    }
  })

  it('has something of everything in it', () => {
    expect(new Set(entries.map(({ mode }) => mode & S_IFMT)).size).toBe(7)
    expect(entries.length).toBeGreaterThan(700)
    expect(entries.some(({ xattrs }) => 'system.posix_acl_access' in xattrs)).toBe(true)
  })

  it.each(cases)('version %i, %s: mounted, it is the source in every attribute', (version, algorithm) => {
    const image = writeImage(trees[algorithm], version, algorithm)
    const mounted = runInMount({ image, objects: objects[algorithm], scratch, by: 'kernel' }, walk)
    expect(comparable(parseWalk(mounted))).toEqual(expected(entries, version))
  })

  it.each(cases)('version %i, %s: our view of it is the mounted one', async (version, algorithm) => {
    const image = readErofs(readFileSync(writeImage(trees[algorithm], version, algorithm)))
    checkErofs(image)
    expect([...diffTrees(trees[algorithm], image.tree())].filter((line) => !/: mtime /.test(line))).toEqual(
      [],
    )
    const store = nodeDir(objects[algorithm])
    const view = erofsReadTree(image, ({ payload }, range) => store.read(payload, range))
    const seen: unknown[] = []
    const visit = async (path: string): Promise<void> => {
      const stat = (await view.stat(path))!
      const xattrs = await view.xattrs(path)
      const parts: Uint8Array[] = []
      if (stat.type === 'file') for await (const part of view.read(path)) parts.push(part)
      seen.push({
        path: path === '' ? '' : `/${toBytes(path)}`,
        ...{
          permissions: stat.mode,
          uid: stat.uid,
          gid: stat.gid,
          nlink: stat.type === 'directory' ? 0 : stat.nlink,
        },
        xattrs: xattrs.map(({ name, value }) => [name, Buffer.from(value).toString('latin1')]),
        ...(stat.type === 'file' ? { size: stat.sizeBytes, sha256: sha256(Buffer.concat(parts)) } : {}),
        ...(stat.type === 'symlink'
          ? { size: stat.sizeBytes, target: toBytes(await view.readlink(path)) }
          : {}),
      })
      if (stat.type !== 'directory') return
      for await (const { name } of view.list(path)) await visit(path === '' ? name : `${path}/${name}`)
    }
    await visit('')
    expect(seen).toEqual(
      entries.map(({ path, mode, uid, gid, nlink, xattrs, size, sha256: hash, target }) => ({
        path,
        ...{ permissions: mode & 0o7777, uid, gid, nlink: (mode & S_IFMT) === S_IFDIR ? 0 : nlink },
        xattrs: Object.entries(xattrs),
        ...(hash === undefined ? {} : { size, sha256: hash }),
        ...(target === undefined ? {} : { size, target }),
      })),
    )
  })

  it('a whiteout is mounted as an empty file with a marker, where ours is a device', async () => {
    const lines = [
      '/ 0 40755 3 0 0 0 1.0 - - -',
      '/d 0 40755 2 0 0 0 1.0 - - -',
      '/d/gone 0 20640 1 0 0 0 1.0 - - -',
    ]
    const image = writeImage(parseDump(Buffer.from(lines.join('\n'))), 1, 'sha256')
    const mounted = parseWalk(runInMount({ image, objects: objects.sha256, scratch, by: 'kernel' }, walk))
    expect(mounted.map(({ path, mode, xattrs }) => [path, mode.toString(8), Object.keys(xattrs)])).toEqual([
      ['', '40755', []],
      ['/d', '40755', expect.arrayContaining(['trusted.overlay.opaque', 'trusted.overlay.whiteouts'])],
      ['/d/gone', '100640', ['trusted.overlay.whiteout', 'user.overlay.whiteout']],
    ])
    const view = erofsReadTree(readErofs(readFileSync(image)), () => expect.unreachable())
    expect(await view.stat('d/gone')).toMatchObject({ type: 'char', mode: 0o640 })
    for (const path of ['d', 'd/gone']) expect(await view.xattrs(path)).toEqual([])
  })

  describe.skipIf(noComposefsTools)(
    `with the tools of composefs${noComposefsTools ? ` (skipped: ${noComposefsTools})` : ''}`,
    () => {
      it.each(cases)(
        'version %i, %s: mount.composefs shows the source in every attribute',
        (version, algorithm) => {
          const image = writeImage(trees[algorithm], version, algorithm)
          const mounted = parseWalk(
            runInMount({ image, objects: objects[algorithm], scratch, by: 'mount.composefs' }, walk),
          )
          // The header of version 2 never speaks of ACLs, so the tool mounts without them.
          const shown = version === 2 ? entries.map(withoutAcl) : entries
          expect(comparable(mounted)).toEqual(expected(shown, version))
        },
      )

      it.each([0, 1, 2] as const)('version %i: composefs-info prints what we print', async (version) => {
        const path = writeImage(trees.sha256, version, 'sha256')
        const image = readErofs(readFileSync(path))
        const info = (...args: string[]) =>
          composefsTool(scratch, 'composefs-info', ...args, path)
            .split('\n')
            .slice(0, -1)
        expect([...infoLs(image)]).toEqual(info('ls'))
        expect(infoObjects(image)).toEqual(info('objects'))
        const gone = infoObjects(image)[3]!
        rmSync(join(objects.sha256, gone))
        const store = nodeDir(objects.sha256)
        const missing = await infoMissingObjects(
          image,
          async (object) => (await store.stat(object)) !== undefined,
        )
        expect(missing).toEqual(info(`--basedir=${objects.sha256}`, 'missing-objects'))
        expect(missing).toEqual([gone])
        treeOfWalk(source, entries, objects.sha256, 'sha256')
      })
    },
  )
})

const noFsck = spawnSync('fsck.erofs', ['-V']).error === undefined ? undefined : 'no fsck.erofs'
const inCi = process.env['CI'] !== undefined && process.env['CI'] !== ''
describe.skipIf(noFsck !== undefined && !inCi)(`fsck.erofs${noFsck ? ` (skipped: ${noFsck})` : ''}`, () => {
  it.each([0, 1] as const)('finds no fault in an image of version %i', (version) => {
    expect(noFsck).toBeUndefined()
    const lines = [
      '/ 0 40755 3 0 0 0 1.0 - - - user.shared=value',
      `/external 9999 100644 1 0 0 0 2.0 ab/${'ab'.repeat(31)} - ${'ab'.repeat(32)} user.shared=value`,
      '/inline 4 100644 1 0 0 0 1.0 - text -',
      '/link 6 120777 1 0 0 0 1.0 target - -',
      '/sub 0 40755 2 0 0 0 1.0 - - -',
      '/sub/gone 0 20000 1 0 0 0 1.0 - - -',
    ]
    const path = writeImage(parseDump(Buffer.from(lines.join('\n'))), version, 'sha256')
    expect(spawnSync('fsck.erofs', [path]).status).toBe(0)
  })
})
