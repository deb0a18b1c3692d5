import { expect, test } from 'vitest'
import { readOnlyMounts } from '../src/commands/private-mounts.js'

const mountinfo = `22 1 0:21 / / rw,relatime shared:1 - overlay composefs ro
30 22 8:3 / /sysroot ro,relatime shared:2 - ext4 /dev/sda3 rw
31 22 8:2 / /boot ro,relatime shared:3 - ext4 /dev/sda2 rw
40 31 8:2 / /boot rw,relatime shared:3 - ext4 /dev/sda2 rw
41 22 8:2 / /srv/my\\040disk ro - ext4 /dev/sdb rw
`

test('the topmost mount of a path decides whether it is read-only', () => {
  expect(readOnlyMounts(mountinfo, ['/sysroot', '/boot', '/', '/absent'])).toEqual(['/sysroot'])
})
