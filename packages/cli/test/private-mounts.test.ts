import { expect, test } from 'vitest'
import { automounts, readOnlyMounts } from '../src/commands/private-mounts.js'

const mountinfo = `22 1 0:21 / / rw,relatime shared:1 - overlay composefs ro
30 22 8:3 / /sysroot ro,relatime shared:2 - ext4 /dev/sda3 rw
31 22 8:2 / /boot ro,relatime shared:3 - ext4 /dev/sda2 rw
40 31 8:2 / /boot rw,relatime shared:3 - ext4 /dev/sda2 rw
41 22 8:2 / /srv/my\\040disk ro - ext4 /dev/sdb rw
`

test('the topmost mount of a path decides whether it is read-only', () => {
  expect(readOnlyMounts(mountinfo, ['/sysroot', '/boot', '/', '/absent'])).toEqual(['/sysroot'])
})

test('what systemd mounts at its first use is mounted only when nothing lies on top', () => {
  const waiting = `50 22 0:40 / /boot rw,relatime shared:5 - autofs systemd-1 rw,fd=39,direct\n`
  const used = `51 50 8:1 / /boot rw,relatime shared:6 - vfat /dev/sda1 rw\n`
  expect(automounts(waiting, ['/boot', '/efi'])).toEqual(['/boot'])
  expect(automounts(waiting + used, ['/boot', '/efi'])).toEqual([])
})
