import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { deviceLayers, type Mount } from '@bootc-sdk/core/node'

const dirs: string[] = []
afterEach(() => dirs.splice(0).forEach((dir) => rmSync(dir, { recursive: true })))

/** sysfs with block devices: path below `block`, number, facts, and what it is made of. */
function sysfs(
  devices: readonly { path: string; number: string; dm?: string; md?: true; slaves?: readonly string[] }[],
): string {
  const sys = mkdtempSync(join(tmpdir(), 'sysfs-'))
  dirs.push(sys)
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(sys, path)), { recursive: true })
    writeFileSync(join(sys, path), text)
  }
  mkdirSync(join(sys, 'dev/block'), { recursive: true })
  for (const { path, number, dm, md, slaves = [] } of devices) {
    put(`block/${path}/dev`, `${number}\n`)
    if (path.includes('/')) put(`block/${path}/partition`, '1\n')
    if (dm !== undefined) put(`block/${path}/dm/uuid`, `${dm}\n`)
    if (md === true) put(`block/${path}/md/level`, 'raid1\n')
    symlinkSync(`../../block/${path}`, join(sys, 'dev/block', number))
    for (const slave of slaves) {
      mkdirSync(join(sys, `block/${path}/slaves`), { recursive: true })
      symlinkSync(join(sys, 'block', slave), join(sys, `block/${path}/slaves/${slave.split('/').at(-1)}`))
    }
  }
  return sys
}

const mount = (device: string, source = '/dev/x'): Mount[] => [
  { device, source, root: '/', point: '/', fsType: 'ext4', options: [] },
]
const disk = { path: 'vda', number: '254:0' }
const part = { path: 'vda/vda2', number: '254:2' }
const other = { path: 'vdb/vdb1', number: '254:17' }

describe('what lies between a file system and the disks', () => {
  test.each([
    ['nothing', [disk, part], '254:2', []],
    [
      'a logical volume',
      [disk, part, { path: 'dm-0', number: '253:0', dm: 'LVM-abc', slaves: ['vda/vda2'] }],
      '253:0',
      ['lvm'],
    ],
    [
      'a partition of a mirror',
      [
        ...[disk, part, other],
        { path: 'md0', number: '9:0', md: true as const, slaves: ['vda/vda2', 'vdb/vdb1'] },
        { path: 'md0/md0p1', number: '259:0' },
      ],
      '259:0',
      ['raid'],
    ],
    [
      'encryption on a logical volume on a mirror',
      [
        ...[disk, part, other],
        { path: 'md0', number: '9:0', md: true as const, slaves: ['vda/vda2', 'vdb/vdb1'] },
        { path: 'dm-0', number: '253:0', dm: 'LVM-abc', slaves: ['md0'] },
        { path: 'dm-1', number: '253:1', dm: 'CRYPT-LUKS2-abc', slaves: ['dm-0'] },
      ],
      '253:1',
      ['crypt', 'lvm', 'raid'],
    ],
    [
      'multipath, which is a disk',
      [
        disk,
        { path: 'dm-0', number: '253:0', dm: 'mpath-3600', slaves: ['vda'] },
        { path: 'dm-1', number: '253:1', dm: 'part1-mpath-3600', slaves: ['dm-0'] },
      ],
      '253:1',
      [],
    ],
  ])('%s', (_name, devices, number, layers) => {
    expect(deviceLayers('/boot', sysfs(devices), mount(number))).toEqual(layers)
  })

  test('is not known of a device without a number in sysfs, of what is no device, and without sysfs', () => {
    const sys = sysfs([disk])
    expect(deviceLayers('/boot', sys, mount('8:1'))).toBeUndefined()
    expect(deviceLayers('/boot', sys, mount('0:42', 'tmpfs'))).toBeUndefined()
    expect(deviceLayers('/boot', sys, mount('0:42', '/dev/missing'))).toBeUndefined()
    expect(deviceLayers('/boot', join(sys, 'missing'), mount('254:0'))).toBeUndefined()
  })

  test('ends also where devices are made of each other', () => {
    const a = { path: 'dm-0', number: '253:0', dm: 'LVM-a', slaves: ['dm-1'] }
    const b = { path: 'dm-1', number: '253:1', dm: 'CRYPT-b', slaves: ['dm-0'] }
    expect(deviceLayers('/', sysfs([a, b]), mount('253:0'))).toEqual(['lvm', 'crypt'])
  })

  test('is asked by the source where the file system has a number of its own', () => {
    // Any device that is a node here; of btrfs it would be the disk.
    const { rdev } = statSync('/dev/null')
    const sys = sysfs([{ path: 'null', number: `${rdev >> 8}:${rdev & 0xff}`, dm: 'LVM-a' }])
    expect(deviceLayers('/', sys, mount('0:42', '/dev/null'))).toEqual(['lvm'])
  })
})
