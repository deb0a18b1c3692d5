import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { parsePartition } from '../src/define/partition-option.js'

test.each([
  ['var', { mountPoint: '/var' }],
  ['home:5G', { mountPoint: '/home', sizeBytes: 5 * 2 ** 30 }],
  ['/var/lib/containers:512M:ext4', { mountPoint: '/var/lib/containers', sizeBytes: 2 ** 29, fs: 'ext4' }],
  ['var::xfs', { mountPoint: '/var', fs: 'xfs' }],
])('--partition %s', (text, expected) => {
  expect(parsePartition(text)).toEqual(expected)
})

test.each(['', ':5G', 'var:5X', 'var:0', 'var:1G:ntfs', 'var:1G:ext4:more', 'var:-1G'])(
  '--partition %j is refused',
  (text) => {
    expect(() => parsePartition(text)).toThrow(InvalidArgumentError)
  },
)
