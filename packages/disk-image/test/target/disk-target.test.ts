import { spawnSync } from 'node:child_process'
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { biosTargetBeside, biosTargetOn, checkDiskTarget } from '../../src/index.js'
import { findContents } from '../../src/target/find-contents.js'
import { writeGpt } from '../../src/format/gpt.js'
import { scratch } from '../scratch.js'
import { missing, tool } from '../tools.js'

const mebibyte = 1 << 20
const uuid = 'c3b6d3a8-6a0e-4bd1-9d0b-0f2c6d1f7e55'

function head(...pieces: readonly (readonly [at: number, data: string | Buffer])[]): Buffer {
  const buffer = Buffer.alloc(70_000)
  for (const [at, data] of pieces) Buffer.from(data as string, 'latin1').copy(buffer, at)
  return buffer
}

const partition = { typeUuid: uuid, uuid, name: 'x', startBytes: mebibyte, sizeBytes: mebibyte }
const gpt = (count: number) =>
  writeGpt({
    diskUuid: uuid,
    diskBytes: 8 * mebibyte,
    partitions: Array.from({ length: count }, (_, i) => ({ ...partition, startBytes: (i + 1) * mebibyte })),
  }).head

describe('what is on a disk', () => {
  test('is told by its first blocks', () => {
    expect(findContents(head())).toEqual({ partitions: 0 })
    expect(findContents(head([0, gpt(2)]))).toEqual({ table: 'gpt', partitions: 2 })
    expect(findContents(head([0, gpt(0)]))).toEqual({ table: 'gpt', partitions: 0 })
    expect(findContents(head([450, '\x83'], [510, '\x55\xaa']))).toEqual({ table: 'dos', partitions: 1 })
    expect(findContents(head([0, 'LUKS\xba\xbe']))).toEqual({ partitions: 0, fileSystem: 'LUKS' })
    expect(findContents(head([3, 'NTFS    '], [450, '\x83'], [510, '\x55\xaa']))).toEqual({
      partitions: 0,
      fileSystem: 'NTFS',
    })
  })

  test('does not trust numbers in a damaged table', () => {
    const table = head([0, gpt(1)])
    table.writeUInt32LE(0xffffffff, 512 + 80)
    table.writeBigUInt64LE(0xffffffffffffn, 512 + 72)
    expect(findContents(table)).toEqual({ table: 'gpt', partitions: 0 })
  })
})

describe('the place of a loader for BIOS', () => {
  const biosBoot = '21686148-6449-6E6F-744E-656564454649'

  test('is the first sector and the BIOS boot partition; nothing else changes', async () => {
    const disk = join(await scratch(), 'disk')
    const { head: table } = writeGpt({
      diskUuid: uuid,
      diskBytes: 8 * mebibyte,
      partitions: [partition, { ...partition, typeUuid: biosBoot, startBytes: 2 * mebibyte }],
    })
    await writeFile(disk, table)
    await truncate(disk, 8 * mebibyte)
    const target = (await biosTargetOn(disk))!
    expect(target).toMatchObject({ startBytes: 2 * mebibyte, sizeBytes: mebibyte })
    await target.write(Buffer.from('boot code'), Buffer.from('core'))
    const written = await readFile(disk)
    const expected = Buffer.alloc(8 * mebibyte)
    table.copy(expected)
    expected.write('boot code', 0)
    expected.write('core', 2 * mebibyte)
    expect(written.equals(expected)).toBe(true)
    await expect(target.write(Buffer.alloc(441), Buffer.alloc(1))).rejects.toThrow(RangeError)
    await expect(target.write(Buffer.alloc(1), Buffer.alloc(mebibyte + 1))).rejects.toThrow(RangeError)
  })

  test.each([
    ['an entry', 1024 + 128 + 32],
    ['the header', 512 + 48],
  ])('is not where a damaged table says: %s', async (_what, at) => {
    const disk = join(await scratch(), 'disk')
    const biosPart = { ...partition, typeUuid: biosBoot, startBytes: 2 * mebibyte }
    const { head: table } = writeGpt({
      diskUuid: uuid,
      diskBytes: 8 * mebibyte,
      partitions: [partition, biosPart],
    })
    table.writeBigUInt64LE(1n, at)
    await writeFile(disk, table)
    expect(await biosTargetOn(disk)).toBeUndefined()
  })

  test('is not there on other disks', async () => {
    const disk = join(await scratch(), 'disk')
    await writeFile(disk, gpt(2))
    expect(await biosTargetOn(disk)).toBeUndefined()
    expect(await biosTargetBeside('/dev/null')).toBeUndefined()
  })
})

describe('a file in place of a disk', () => {
  test('is taken when it is empty, or may be lost', async () => {
    const path = join(await scratch(), 'disk')
    await writeFile(path, '')
    await truncate(path, 8 * mebibyte + 17)
    expect(await checkDiskTarget(path, { file: true })).toEqual({ path, sizeBytes: 8 * mebibyte })
    await writeFile(path, gpt(3), { flag: 'r+' })
    await expect(checkDiskTarget(path, { file: true })).rejects.toMatchObject({
      code: 'SYSROOT_DISK_NOT_EMPTY',
      details: { partitions: 3 },
      message: expect.stringContaining('use e.g. `wipefs` or --wipe') as unknown,
    })
    expect(await checkDiskTarget(path, { file: true, wipe: true })).toMatchObject({ path })
  })

  test('is no block device, and a directory is neither', async () => {
    const dir = await scratch()
    await writeFile(join(dir, 'disk'), '')
    await symlink('disk', join(dir, 'link'))
    for (const [name, file, message] of [
      ['disk', false, 'Not a block device: '],
      ['link', false, 'Not a block device: '],
      ['.', true, 'Not a regular file (to be used via loopback): '],
      ['none', true, 'there is no '],
    ] as const) {
      await expect(checkDiskTarget(join(dir, name), { file })).rejects.toMatchObject({
        code: 'SYSROOT_DISK_INVALID',
        message: expect.stringContaining(message) as unknown,
      })
    }
    await expect(checkDiskTarget('/dev/null')).rejects.toMatchObject({ code: 'SYSROOT_DISK_INVALID' })
  })
})

/** Needs root and loop devices that work. */
function noLoops(): boolean {
  return process.geteuid?.() !== 0 || spawnSync('losetup', ['--find'], { stdio: 'ignore' }).status !== 0
}

describe.skipIf(noLoops() || missing('mke2fs') !== false)('a block device', () => {
  async function loopDevice(): Promise<{ device: string; dir: string }> {
    const dir = await scratch()
    const file = join(dir, 'disk')
    await writeFile(file, '')
    await truncate(file, 64 * mebibyte)
    const device = tool('losetup', ['--find', '--show', file]).trim()
    onTestFinished(() => void tool('losetup', ['--detach', device]))
    return { device, dir }
  }

  test('is taken when it is empty', async () => {
    const { device } = await loopDevice()
    expect(await checkDiskTarget(device)).toMatchObject({ path: device, sizeBytes: 64 * mebibyte })
  })

  test('that is mounted is refused, whatever may be lost', async () => {
    const { device, dir } = await loopDevice()
    tool('mke2fs', ['-q', '-F', device])
    await expect(checkDiskTarget(device)).rejects.toMatchObject({
      code: 'SYSROOT_DISK_NOT_EMPTY',
      details: { fileSystem: 'ext4' },
    })
    const point = join(dir, 'mounted')
    await mkdir(point)
    tool('mount', [device, point])
    onTestFinished(() => void tool('umount', [point]))
    await expect(checkDiskTarget(device, { wipe: true })).rejects.toMatchObject({
      code: 'SYSROOT_DISK_IN_USE',
      message: `Device ${device} is mounted`,
    })
  })

  test('that is read-only is refused', async () => {
    const { dir } = await loopDevice()
    const device = tool('losetup', ['--find', '--show', '--read-only', join(dir, 'disk')]).trim()
    onTestFinished(() => void tool('losetup', ['--detach', device]))
    await expect(checkDiskTarget(device)).rejects.toMatchObject({ code: 'SYSROOT_DISK_INVALID' })
  })
})
