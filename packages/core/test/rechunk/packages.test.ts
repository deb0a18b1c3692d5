import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readApk } from '../../src/rechunk/packages/apk.js'
import { readDpkg } from '../../src/rechunk/packages/dpkg.js'
import { readPacman } from '../../src/rechunk/packages/pacman.js'
import { readRpm } from '../../src/rechunk/packages/rpm.js'
import type { DatabaseFiles } from '../../src/rechunk/packages/types.js'
import { dir, file, symlink } from '../../src/testing/index.js'
import { imageOf, noise, rechunk, workspace } from './support.js'

const filesOf = (files: Readonly<Record<string, string | Buffer>>): DatabaseFiles => ({
  list: (path) => [
    ...new Set(
      Object.keys(files).flatMap((name) =>
        name.startsWith(`${path}/`) ? [name.slice(path.length + 1).split('/')[0]!] : [],
      ),
    ),
  ],
  read: async (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
})

test('dpkg: lists of paths, and sources of the status file', async () => {
  const found = await readDpkg(
    filesOf({
      'var/lib/dpkg/info/libc6:amd64.list': '/.\n/usr\n/usr/lib/libc.so.6\n',
      'var/lib/dpkg/info/bash.list': '/.\n/bin/bash\n',
      'var/lib/dpkg/info/bash.md5sums': 'x',
      'var/lib/dpkg/status':
        'Package: bash\nStatus: x\n\nPackage: libc6\nSource: glibc (2.41-12)\nVersion: 1\n',
    }),
  )
  expect(found).toEqual([
    { name: 'libc6:amd64', source: 'glibc', paths: ['/usr', '/usr/lib/libc.so.6'] },
    { name: 'bash', source: 'bash', paths: ['/bin/bash'] },
  ])
})

test('pacman: a directory a package', async () => {
  const found = await readPacman(
    filesOf({
      'var/lib/pacman/local/ALPM_DB_VERSION': '9\n',
      'var/lib/pacman/local/zlib-1:1.3-1/desc': '%NAME%\nzlib\n\n%BASE%\nzlib-src\n\n',
      'var/lib/pacman/local/zlib-1:1.3-1/files': '%FILES%\nusr/\nusr/lib/libz.so\n\n%BACKUP%\netc/x\tsum\n',
    }),
  )
  expect(found).toEqual([{ name: 'zlib', source: 'zlib-src', paths: ['usr/', 'usr/lib/libz.so'] }])
})

test('apk: a paragraph a package', async () => {
  const installed = 'C:Q1\nP:musl\nV:1\no:musl-src\nF:\nR:top\nF:lib\nR:ld.so\nZ:Q1\nM:0:0:755\n\nP:none\n\n'
  expect(await readApk(filesOf({ 'lib/apk/db/installed': installed }))).toEqual([
    { name: 'musl', source: 'musl-src', paths: ['top', 'lib/ld.so'] },
    { name: 'none', source: 'none', paths: [] },
  ])
})

const rpmdb = readFileSync(new URL('golden/rpmdb.sqlite', import.meta.url))

test('rpm: headers in an SQLite database of several pages', async () => {
  const found = await readRpm(filesOf({ 'usr/lib/sysimage/rpm/rpmdb.sqlite': rpmdb }))
  expect(found.length).toBe(32)
  expect(found[0]).toEqual({ name: 'bash.x86_64', source: 'bash', paths: ['/usr/bin/bash', '/usr/bin/sh'] })
  expect(found[1]).toMatchObject({ name: 'glibc-langpack.noarch', source: 'glibc' })
  expect(found[1]!.paths.length).toBe(200)
  expect(found[1]!.paths[199]).toBe('/usr/lib/locale/file-199')
  expect(found[31]).toEqual({ name: 'p29.x86_64', source: 'many-src', paths: ['/usr/share/p29/data'] })
})

test('a damaged database is none, or one of other packages', async () => {
  for (let at = 0; at < rpmdb.length; at += 37) {
    const damaged = Buffer.from(rpmdb)
    damaged[at]! ^= 0xff
    await expect(readRpm(filesOf({ 'var/lib/rpm/rpmdb.sqlite': damaged }))).resolves.toBeInstanceOf(Array)
    const short = rpmdb.subarray(0, at)
    await expect(readRpm(filesOf({ 'var/lib/rpm/rpmdb.sqlite': short }))).resolves.toBeInstanceOf(Array)
  }
})

test('packages name their files through links, and lists may lie', async () => {
  const at = await workspace()
  const entries = [
    dir('usr'),
    dir('usr/bin'),
    symlink('bin', 'usr/bin'),
    symlink('loop', 'loop'),
    file('usr/bin/sh', noise('sh', 300_000)),
    file('usr/bin/ls', noise('ls', 300_000)),
    file('usr/none', noise('none', 300_000)),
    ...['var', 'var/lib', 'var/lib/dpkg', 'var/lib/dpkg/info'].map((path) => dir(path)),
    file('var/lib/dpkg/info/a.list', '/bin/sh\n/loop/x\n/../../etc\n/usr\n/not/there\n\n/\n'),
    file('var/lib/dpkg/info/b.list', '/bin/sh\n/bin/../../bin/ls\n'),
  ]
  const { layers } = await rechunk(imageOf({ entries }), at('1'))
  const holding = layers.flatMap(({ groups }) => groups).sort()
  expect(holding).toEqual(['dir:/', 'pkg:a', 'pkg:b'])
})
