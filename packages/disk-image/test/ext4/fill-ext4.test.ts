import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Dir, isBootcError } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { expect, test } from 'vitest'
import { hostFormatters, recordedSource, recordingDir } from '../../src/index.js'
import { inodesFor } from '../../src/ext4/estimate.js'
import { crc32c } from '../../src/ext4/crc32c.js'
import { scanTree } from '../../src/scan-tree.js'
import { scratch } from '../scratch.js'
import { missing, tool } from '../tools.js'

const filling = test.skipIf(missing('mke2fs') !== false)
const mebibyte = 1 << 20

test('checksums are those of CRC-32C', () => {
  // RFC 3720, B.4: inverted before and after.
  expect(~crc32c(0xffffffff, Buffer.alloc(32)) >>> 0).toBe(0x8a9136aa)
  expect(~crc32c(0xffffffff, Buffer.from('123456789')) >>> 0).toBe(0xe3069283)
})

/** Make an ext4 of a directory; e2fsck finds nothing wrong with it. @returns asks debugfs */
async function fill(
  make: (dir: Dir, path: string) => Promise<void>,
  sizeBytes = 64 * mebibyte,
): Promise<(command: string) => string> {
  const at = await scratch()
  const [from, imagePath, scratchPath] = [join(at, 'from'), join(at, 'a.img'), join(at, 'scratch')]
  await mkdir(from)
  await mkdir(scratchPath)
  const dir = await recordingDir(nodeDir(from))
  await make(dir, from)
  const source = recordedSource(dir)
  const nodes = await scanTree(source)
  await using file = await open(imagePath, 'wx')
  await file.truncate(sizeBytes)
  await hostFormatters(nodeHost({ live: false })).ext4(
    { imagePath, offsetBytes: 0, sizeBytes },
    { uuid: 'c0ffee00-0000-4000-8000-000000000001', label: 'a', verity: true, inodes: inodesFor(nodes) },
    { nodes, contentPath: source.contentPath },
    { scratchPath, epoch: 1_700_000_000 },
  )
  expect(tool('e2fsck', ['-fn', imagePath])).not.toContain('WARNING')
  return (command) => tool('debugfs', ['-R', command, imagePath])
}

filling('devices, pipes and marks of overlayfs are what was recorded, without root', async () => {
  const debugfs = await fill(async (dir) => {
    await dir.mkdir('diff', { xattrs: [{ name: 'trusted.overlay.opaque', value: Buffer.from('y') }] })
    await dir.mknod!('diff/gone', { type: 'char', major: 0, minor: 0 }, { mode: 0 })
    await dir.link('diff/gone', 'diff/gone too')
    await dir.mknod!('sda', { type: 'block', major: 8, minor: 0 }, { mode: 0o660, gid: 6 })
    await dir.mknod!('large', { type: 'block', major: 259, minor: 70_000 })
    await dir.mknod!('pipe', { type: 'fifo', major: 0, minor: 0 })
  })
  expect(debugfs('stat /diff/gone')).toMatch(/Type: character special .*Mode: {2}0000/)
  expect(debugfs('stat "/diff/gone too"')).toMatch(/Links: 2[^]*Device major\/minor number: 00:00/)
  expect(debugfs('ea_get /diff trusted.overlay.opaque')).toContain('"y"')
  expect(debugfs('stat /sda')).toMatch(
    /Type: block special .*Mode: {2}0660[^]*Group: {5}6 [^]*Device major\/minor number: 08:00 /,
  )
  expect(debugfs('stat /large')).toMatch(/Device major\/minor number: 259:70000 /)
  expect(debugfs('stat /pipe')).toMatch(/Type: FIFO .*Mode: {2}0600/)
})

filling('names of any bytes are held, line breaks included', async () => {
  const debugfs = await fill((_dir, path) => writeFile(join(path, 'a\nwrite b'), 'x'))
  expect(debugfs('ls -p /')).toContain('a\nwrite b')
})

filling('attributes lie in the inode as far as there is room, then in a block', async () => {
  const acl = Buffer.from(
    '0200000001000600ffffffff0200040039300000040004000000000010000600ffffffff20000400ffffffff',
    'hex',
  )
  const debugfs = await fill(async (dir) => {
    await dir.write('f', Buffer.from('f'), {
      xattrs: [
        { name: 'security.capability', value: Buffer.alloc(20, 1) },
        { name: 'security.selinux', value: Buffer.alloc(40, 'l') },
        { name: 'system.posix_acl_access', value: acl },
        { name: 'user.empty', value: Buffer.alloc(0) },
        { name: 'user.much', value: Buffer.alloc(3000, 'm') },
      ],
    })
  })
  const listed = debugfs('ea_list /f')
  for (const name of ['capability (20)', 'selinux (40)', 'user.empty (0)', 'user.much (3000)']) {
    expect(listed).toContain(name)
  }
  expect(debugfs('ea_get -x /f user.much').match(/6d/g)).toHaveLength(3000)
  // Where an entry names nobody, debugfs shows 0.
  const shown = debugfs('ea_get -x /f system.posix_acl_access')
    .replace(/[^=]*= */, '')
    .replace(/\s/g, '')
  expect(shown.slice(0, acl.length * 2)).toBe(acl.toString('hex').replaceAll('ffffffff', '00000000'))
})

filling.each([
  ['that do not fit', { name: 'user.much', value: Buffer.alloc(5000) }],
  ['with a name that ext4 has no number for', { name: 'other.name', value: Buffer.alloc(1) }],
  ['that are a broken access control list', { name: 'system.posix_acl_access', value: Buffer.alloc(3) }],
])('attributes %s are refused', async (_what, xattr) => {
  const failed = await fill((dir) => dir.write('f', Buffer.from('f'), { xattrs: [xattr] })).catch(
    (error: unknown) => error,
  )
  expect(isBootcError(failed, 'SYSROOT_DISK_CONTENT') && failed.details.path).toBe('f')
})

filling('a file in many pieces, larger than a group of blocks, and a directory of many blocks', async () => {
  let from = ''
  const debugfs = await fill(async (dir, path) => {
    from = path
    await using file = await open(join(path, 'pieces'), 'w')
    // Every other block is a hole.
    for (let i = 0; i < 1500; i++) await file.write(Buffer.from([i & 255, 1]), 0, 2, i * 8192)
    await writeFile(join(path, 'whole'), Buffer.alloc(140 * mebibyte, 'w'))
    await writeFile(join(path, 'end'), 'end')
    await truncate(join(path, 'end'), 5000)
    await dir.mkdir('many')
    await writeFile(join(path, 'many/a'), '')
    for (let i = 0; i < 2000; i++) await dir.link('many/a', `many/${'n'.repeat(i % 200)}${i}`)
    await dir.symlink('t'.repeat(59), 'fast')
    await dir.symlink('t'.repeat(60), 'slow')
  }, 512 * mebibyte)
  expect(debugfs('stat /pieces')).toMatch(/Size: 12279810[^]*Blockcount: \d{5}\n/)
  const out = join(await scratch(), 'out')
  for (const name of ['pieces', 'whole', 'end']) {
    debugfs(`dump /${name} ${out}`)
    expect(Buffer.compare(await readFile(out), await readFile(join(from, name)))).toBe(0)
  }
  expect(debugfs('stat /whole')).toContain('Size: 146800640')
  expect(debugfs('stat /many/a')).toContain('Links: 2001')
  expect(debugfs('stat /fast')).toContain('Fast link dest: "ttt')
  expect(debugfs('stat /slow')).toMatch(/Size: 60[^]*EXTENTS/)
})

filling('what does not fit is refused', async () => {
  const failed = await fill(
    (_dir, path) => writeFile(join(path, 'f'), Buffer.alloc(9 * mebibyte, 1)),
    8 * mebibyte,
  ).catch((error: unknown) => error)
  expect(isBootcError(failed, 'SYSROOT_DISK_TOO_SMALL')).toBe(true)
})
