import { readFileSync } from 'node:fs'
import { bootPartitions } from '@bootc-sdk/core/node'
import { expect, test } from 'vitest'
import { chooseVolumes } from '../src/commands/boot-volumes.js'

const partitions = (name: string, device: string, source = '') =>
  bootPartitions(
    readFileSync(new URL(`../../core/test/golden/lsblk/${name}.json`, import.meta.url), 'utf8'),
    { device, source },
  )

test('of several ESPs those that are not mounted are', () => {
  expect(chooseVolumes(partitions('lvm-two-disks', '252:0'), 'all')).toEqual([
    { device: '/dev/nvme1n1p1', target: '/run/bootc-sdk/esp/nvme1n1p1', readOnly: false },
  ])
})

test('a write-protected one is mounted read-only', () => {
  expect(chooseVolumes(partitions('esp-read-only', '9:0'), 'all')).toEqual([
    { device: '/dev/mmcblk0p1', target: '/run/bootc-sdk/esp/mmcblk0p1', readOnly: true },
  ])
})

test('an extended boot partition is mounted for its entries, where it is FAT', () => {
  const found = partitions('luks-btrfs', '0:42', '/dev/mapper/luks-9f0e')
  const unmounted = found.map((each) => ({ ...each, mountPoints: [] }))
  expect(chooseVolumes(unmounted, 'needed').map(({ target }) => target)).toEqual([
    '/run/bootc-sdk/esp/vda1',
    '/boot',
  ])
  expect(chooseVolumes(unmounted, 'all').map(({ target }) => target)).toEqual(['/run/bootc-sdk/esp/vda1'])
  const ext4 = partitions('single-disk', '254:3').map((each) => ({ ...each, mountPoints: [] }))
  expect(chooseVolumes(ext4, 'needed').map(({ target }) => target)).toEqual(['/run/bootc-sdk/esp/vda1'])
})
