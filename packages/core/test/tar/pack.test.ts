import { execFileSync } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  linkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { decodeName } from '../../src/names/index.js'
import { packTar, tarXattrs } from '../../src/tar/index.js'
import type { TarMember } from '../../src/tar/index.js'
import { readAll } from './read-all.js'

describe('packing', () => {
  const text = fc
    .array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 12 })
    .map((parts) =>
      decodeName(
        Buffer.concat(
          parts.flatMap((part) => [part.map((b) => (b === 0 || b === 0x2f ? 0x61 : b)), Buffer.from('/')]),
        ).subarray(0, -1),
      ),
    )
  const member: fc.Arbitrary<TarMember> = fc.record({
    name: text,
    mode: fc.nat(0o7777),
    uid: fc.nat(0xffff_fffe),
    gid: fc.nat(0xffff_fffe),
    mtime: fc.oneof(fc.integer({ min: -5, max: 2 ** 40 }), fc.constant(1700000000.25)),
    linkName: text,
    type: fc.constantFrom('symlink', 'hardlink', 'file'),
    xattrs: fc.uniqueArray(
      fc.record({ name: fc.stringMatching(/^user\.[a-z]{1,9}$/), value: fc.uint8Array() }),
      {
        selector: (xattr) => xattr.name,
        maxLength: 3,
      },
    ),
  })

  test('what was packed is read back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(member, fc.uint8Array({ maxLength: 1200 })), { maxLength: 5 }),
        (list) => {
          const members = list.map(([one, data]) => (one.type === 'file' ? { ...one, data } : one))
          const read = readAll(packTar(members))
          expect(read.length).toBe(members.length)
          members.forEach((one, i) => {
            const { name, type, mode, uid, gid, mtime } = one
            expect(read[i]).toMatchObject({ name, type, mode, uid, gid, mtime })
            if (type !== 'file') expect(read[i]!.linkName).toBe(one.linkName)
            expect([...read[i]!.data]).toEqual('data' in one ? [...(one.data as Uint8Array)] : [])
            const xattrs = tarXattrs(read[i]!).map(({ name, value }) => [name, [...value]])
            const expected = (one.xattrs ?? []).map(({ name, value }) => [name, [...value]] as const)
            expect(xattrs).toEqual([...expected].sort((a, b) => (a[0] < b[0] ? -1 : 1)))
          })
        },
      ),
    )
  })

  test('PAX headers appear only where they are needed', () => {
    expect(packTar([{ name: `${'d'.repeat(99)}/${'f'.repeat(99)}`, data: 'x' }]).length).toBe(512 * 2 + 1024)
    expect(packTar([{ name: 'f'.repeat(101) }]).length).toBe(512 * 3 + 1024)
  })

  test('the same members give the same bytes', () => {
    const members: TarMember[] = [
      { name: 'a', uid: 3000000, xattrs: [{ name: 'user.b', value: Buffer.from('1') }] },
    ]
    expect(packTar(members)).toEqual(packTar(members))
  })
})

function hasTar(): boolean {
  try {
    return execFileSync('tar', ['--version'], { encoding: 'utf8' }).includes('GNU tar')
  } catch {
    return false
  }
}

// Missing GNU tar must not hide these tests in CI.
describe.skipIf(!hasTar() && process.env.CI === undefined)(
  'interchange with GNU tar (skipped where it is missing)',
  () => {
    const made: string[] = []
    const temporary = (): string => {
      const dir = mkdtempSync(join(tmpdir(), 'core-tar-'))
      made.push(dir)
      return dir
    }
    afterEach(() => {
      for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true })
    })

    test.each(['v7', 'ustar', 'oldgnu', 'gnu', 'pax'])('an archive in format %s is read', (format) => {
      const dir = temporary()
      const deep = format === 'v7' || format === 'ustar' ? 'some/dir' : `some/${'long-'.repeat(30)}dir`
      mkdirSync(join(dir, deep), { recursive: true })
      writeFileSync(join(dir, deep, 'file'), 'content\n', { mode: 0o640 })
      writeFileSync(join(dir, 'empty'), '')
      linkSync(join(dir, deep, 'file'), join(dir, 'zlink'))
      symlinkSync(format === 'v7' ? 'short' : 'x'.repeat(format === 'ustar' ? 90 : 180), join(dir, 'symlink'))
      const args = [
        `--format=${format}`,
        '--sort=name',
        '--mtime=@1700000000',
        '--owner=:1234',
        '--group=:56',
        '-C',
        dir,
        '-cf',
        '-',
        '.',
      ]
      const members = readAll(execFileSync('tar', args))
      const byName = new Map(members.map((one) => [one.name, one]))
      expect(byName.get(`./${deep}/file`)).toMatchObject({
        type: 'file',
        mode: 0o640,
        mtime: 1700000000,
        uid: 1234,
        gid: 56,
      })
      expect(byName.get(`./${deep}/file`)?.data.toString()).toBe('content\n')
      expect(byName.get('./some/')?.type).toBe('directory')
      expect(byName.get('./zlink')).toMatchObject({ type: 'hardlink', linkName: `./${deep}/file` })
      expect(byName.get('./symlink')).toMatchObject({
        type: 'symlink',
        linkName: readlinkSync(join(dir, 'symlink')),
      })
    })

    test('it unpacks what we packed', () => {
      const dir = temporary()
      const longName = `usr/${'x'.repeat(180)}/ő`
      const archive = packTar([
        { name: 'usr/', type: 'directory' },
        { name: longName, data: 'long', mtime: 1700000000.5, mode: 0o600 },
        { name: 'usr/link', type: 'hardlink', linkName: longName },
        { name: 'usr/symlink', type: 'symlink', linkName: 'y'.repeat(150) },
        { name: decodeName(Buffer.from([0x61, 0xff])), data: 'raw name' },
      ])
      execFileSync('tar', ['-C', dir, '--no-same-owner', '-xf', '-'], { input: archive })
      expect(readFileSync(join(dir, longName), 'utf8')).toBe('long')
      expect(lstatSync(join(dir, longName))).toMatchObject({ nlink: 2, mtimeMs: 1700000000500 })
      expect(readlinkSync(join(dir, 'usr/symlink'))).toBe('y'.repeat(150))
      expect(readFileSync(Buffer.concat([Buffer.from(`${dir}/a`), Buffer.from([0xff])]), 'utf8')).toBe(
        'raw name',
      )
    })
  },
)
