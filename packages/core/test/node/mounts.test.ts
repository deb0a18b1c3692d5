import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { uuidOfDevice, uuidOfSuperblock } from '../../src/node/fs-uuid.js'
import { fsUuid, mountAt, mountOf, parseMounts } from '../../src/node/index.js'

const text = `22 1 8:3 / / rw,relatime shared:1 - ext4 /dev/sda3 rw
30 22 0:26 /@home /home rw,noatime - btrfs /dev/sda4 rw,subvol=/@home
31 22 8:2 / /boot ro,relatime - xfs /dev/sda2 rw
32 31 8:1 / /boot/efi rw - vfat /dev/sda1 rw
33 22 8:3 /srv /mnt/with\\040space rw - ext4 /dev/sda3 rw
34 22 8:9 / /boot rw,relatime - ext4 /dev/sdb1 rw
`

describe('mountinfo', () => {
  const mounts = parseMounts(text)

  test('says what is mounted at a path, the topmost', () => {
    expect(mountAt('/boot', mounts)).toMatchObject({ source: '/dev/sdb1', fsType: 'ext4' })
    expect(mountAt('/home', mounts)).toMatchObject({ root: '/@home', fsType: 'btrfs', device: '0:26' })
    expect(mountAt('/mnt/with space', mounts)).toMatchObject({ root: '/srv' })
    expect(mountAt('/mnt', mounts)).toBeUndefined()
  })

  test('says in which mount a path lies', () => {
    expect(mountOf('/boot/efi/EFI', mounts)?.source).toBe('/dev/sda1')
    expect(mountOf('/bootx', mounts)?.source).toBe('/dev/sda3')
    expect(mountOf('/home/a', mounts)?.options).toContain('noatime')
    expect(mountOf('/x', [])).toBeUndefined()
  })

  test('that is damaged is skipped', () => {
    expect(parseMounts('\nnonsense\n1 2 3\n')).toEqual([])
  })
})

const uuid = 'c3b6d3a8-6a0e-4bd1-9d0b-0f2c6d1f7e55'

function formatter(program: string): string | undefined {
  const path = ['/usr/sbin', '/sbin', '/usr/bin'].map((dir) => `${dir}/${program}`)
  return path.find((each) => spawnSync(each, ['-V']).error === undefined)
}

describe('the UUID of a file system', () => {
  const cases = [
    ['mke2fs', ['-q', '-F', '-t', 'ext4', '-U', uuid], uuid],
    ['mkfs.xfs', ['-q', '-f', '-m', `uuid=${uuid}`], uuid],
    ['mkfs.btrfs', ['-q', '-f', '-U', uuid], uuid],
    ['mkfs.vfat', ['-F', '32', '-i', '1a2bcd34'], '1A2B-CD34'],
    ['mkfs.vfat', ['-F', '16', '-i', '00000001'], '0000-0001'],
  ] as const
  for (const [program, args, expected] of cases) {
    const path = formatter(program)
    // Skipped where the program is not installed.
    const isMissing = path === undefined && process.env['CI'] === undefined
    test.skipIf(isMissing)(`is read as ${program} ${args.join(' ')} wrote it`, async () => {
      if (path === undefined) throw new Error(`CI needs ${program}`)
      const work = await mkdtemp(join(tmpdir(), 'fs-uuid-'))
      onTestFinished(() => rm(work, { recursive: true }))
      const image = join(work, 'image')
      await writeFile(image, '')
      await truncate(image, program === 'mkfs.vfat' ? 64 << 20 : 512 << 20)
      const { status, stderr } = spawnSync(path, [...args, image], { encoding: 'utf8' })
      expect(status, stderr).toBe(0)
      expect(uuidOfDevice(image)).toBe(expected)
    })
  }

  test('of anything else is not known', () => {
    expect(uuidOfSuperblock(Buffer.alloc(0))).toBeUndefined()
    expect(uuidOfSuperblock(Buffer.alloc(70_000))).toBeUndefined()
    expect(uuidOfSuperblock(Buffer.from('XFSB'))).toBeUndefined()
    expect(uuidOfDevice('/nowhere')).toBeUndefined()
    expect(fsUuid('/proc')).toBeUndefined()
  })
})
