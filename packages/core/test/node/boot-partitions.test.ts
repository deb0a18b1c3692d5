import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bootPartitions, lsblkArguments, nodeHost } from '@bootc-sdk/core/node'

const golden = (name: string): string =>
  readFileSync(new URL(`../golden/lsblk/${name}.json`, import.meta.url), 'utf8')
const find = (name: string, device: string, source = '') => bootPartitions(golden(name), { device, source })
const short = (name: string, device: string, source?: string) =>
  find(name, device, source).map(({ role, device, mountPoints }) => [role, device, ...mountPoints])

describe('partitions to boot from', () => {
  test('on one disk; those of another are not this system’s', () => {
    expect(find('single-disk', '254:3')).toEqual([
      {
        ...{ role: 'esp', device: '/dev/vda1', uuid: '7B77-95E7', fsType: 'vfat' },
        ...{ mountPoints: ['/boot/efi'], readOnly: false },
      },
      expect.objectContaining({ role: 'xbootldr', device: '/dev/vda2', fsType: 'ext4' }),
    ])
  })

  test('a mirror of two ESPs is one', () => {
    expect(short('raid1', '9:127')).toEqual([['esp', '/dev/md126', '/boot/efi']])
  })

  test('every disk below a logical volume has its own', () => {
    expect(short('lvm-two-disks', '252:0')).toEqual([
      ['esp', '/dev/nvme0n1p1', '/efi'],
      ['esp', '/dev/nvme1n1p1'],
    ])
  })

  test('btrfs is found by what was mounted, through encryption', () => {
    expect(short('luks-btrfs', '0:42', '/dev/mapper/luks-9f0e')).toEqual([
      ['esp', '/dev/vda1'],
      ['xbootldr', '/dev/vda2', '/boot'],
    ])
  })

  test('both MBR types count', () => {
    expect(short('mbr', '8:3')).toEqual([
      ['esp', '/dev/sda1'],
      ['esp', '/dev/sda2', '/boot/efi'],
    ])
  })

  test('a write-protected one is told apart', () => {
    expect(find('esp-read-only', '9:0').map(({ readOnly }) => readOnly)).toEqual([true, false])
  })

  test('nothing is found for a root on no device', () => {
    expect(find('single-disk', '0:25', 'overlay')).toEqual([])
  })

  test('numbers and single mount points of older versions', () => {
    const part = { type: 'part', pttype: 'gpt', parttype: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b' }
    const children = [
      { name: '/dev/a1', ...part, mountpoint: '/efi', ro: '1' },
      { name: '/dev/a2', 'maj:min': '8:2' },
    ]
    const json = JSON.stringify({ blockdevices: [{ name: '/dev/a', children }] })
    expect(bootPartitions(json, { device: '8:2', source: '' })).toEqual([
      { role: 'esp', device: '/dev/a1', mountPoints: ['/efi'], readOnly: true },
    ])
  })

  test.each(['', '[]', 'null', '{"blockdevices":[{}]}', '{"blockdevices":[{"name":"a","children":1}]}'])(
    '%j is refused',
    (json) => {
      expect(() => bootPartitions(json, { device: '8:1', source: '' })).toThrow(
        expect.objectContaining({ code: 'HOST_DOCUMENT_INVALID' }),
      )
    },
  )

  test('the lsblk of this machine is understood, where there is one', async (context) => {
    const host = nodeHost()
    const found = await host.run(lsblkArguments).catch(() => undefined)
    if (found?.code !== 0) return context.skip('no lsblk, or no /sys/block')
    expect(() => bootPartitions(found.stdout, { device: '999:999', source: 'none' })).not.toThrow()
  })
})
