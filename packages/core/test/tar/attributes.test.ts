import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { packTar, tarAcl, tarMode, tarXattrs } from '../../src/tar/index.js'
import { readAll } from './read-all.js'

/** Layer of a recorded import whose results are known for every member. */
const layer = readAll(
  gunzipSync(readFileSync(new URL('../golden/tar/hardlinks-xattrs.tar.gz', import.meta.url))),
)
const byName = new Map(layer.map((member) => [member.name, member]))
const xattrsOf = (name: string): unknown =>
  tarXattrs(byName.get(name)!).map((xattr) => [xattr.name, Buffer.from(xattr.value).toString('latin1')])
const packed = (pax: Record<string, string | Uint8Array>) => readAll(packTar([{ name: 'f', pax }]))[0]!

describe('extended attributes', () => {
  test('raw values, sorted by name', () => {
    expect(xattrsOf('usr/cap')).toEqual([
      ['security.capability', '\x01\0\0\x02\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
      ['user.a', '1'],
      ['user.b', '2'],
    ])
    expect(xattrsOf('usr/emptyxattr')).toEqual([['user.empty', '']])
  })

  test('base64 values without padding', () => {
    expect(xattrsOf('usr/lx')).toEqual([['user.z', '\0bin\xff']])
  })

  test('the SELinux record of Red Hat keeps its NUL', () => {
    expect(xattrsOf('usr/gnusel')).toEqual([['security.selinux', 'system_u:object_r:bin_t:s0\0']])
  })

  test('percent-encoded names', () => {
    const [xattr] = tarXattrs(packed({ 'LIBARCHIVE.xattr.user.%61%C5%91': 'eA==' }))
    expect(xattr?.name).toBe('user.aő')
  })

  test('a name given in several spellings appears once, with the raw value', () => {
    const member = packed({
      'LIBARCHIVE.xattr.user.a': 'eA',
      'SCHILY.xattr.user.a': 'raw',
      'RHT.security.selinux': 'rht',
      'SCHILY.xattr.security.selinux': 'schily',
    })
    expect(tarXattrs(member).map(({ name, value }) => [name, Buffer.from(value).toString()])).toEqual([
      ['security.selinux', 'schily'],
      ['user.a', 'raw'],
    ])
  })

  test.each([
    { 'LIBARCHIVE.xattr.user.a': '!!' },
    { 'LIBARCHIVE.xattr.user.%zz': 'eA' },
    { 'SCHILY.xattr.': 'x' },
  ])('%j is damaged', (pax) => {
    expect(() => tarXattrs(packed(pax as Record<string, string>))).toThrow(/extended attribute/)
  })
})

describe('access ACLs', () => {
  test('owner, group and other entries overwrite the permission bits', () => {
    const member = byName.get('usr/acl')!
    expect(member.mode).toBe(0o644)
    expect(tarAcl(member)).toEqual({ owner: 7, group: 5, other: 4 })
    expect(tarMode(member)).toBe(0o754)
  })

  test('named entries and special bits stay out of it', () => {
    const [member] = readAll(
      packTar([
        {
          name: 'f',
          mode: 0o4755,
          pax: { 'SCHILY.acl.access': 'user::rw-,user:rwx:r--,group::---,other::---,mask::rwx' },
        },
      ]),
    )
    expect(tarMode(member!)).toBe(0o4600)
  })

  test('a default ACL alone changes nothing', () => {
    expect(tarMode(packed({ 'SCHILY.acl.default': 'user::rwx,group::rwx,other::rwx' }))).toBe(0o644)
  })
})

test('long names, big ids and sizes of the recorded layer', () => {
  const deep = layer.find((member) => member.uid === 3000000)
  expect(deep).toMatchObject({ gid: 4000000, mtime: 1.5 })
  expect(deep!.name.length).toBeGreaterThan(200)
  expect(byName.get('usr/szz')?.sizeBytes).toBe(8)
  expect(byName.get('usr/u')?.uid).toBe(2500000)
})
