import type { BootSpec } from '@bootc-sdk/core'
import { expect, test } from 'vitest'
import { appendExceptDefault } from '../../src/sysroot/bls-append.js'

const spec = (id: string, extra?: BootSpec['extra']) =>
  ({ id, ...(extra === undefined ? {} : { extra }) }) as BootSpec

// As ostree 2022.7 wrote two entries with this setting in its configuration.
test('all entries but the default get the keys, behind their own', () => {
  const [first, second, third] = appendExceptDefault(
    [spec('a'), spec('b'), spec('c', [['fdtdir', '/dtb']])],
    'grub_users="";other=a b;',
  )
  const keys = [
    ['grub_users', '""'],
    ['other', 'a b'],
  ]
  expect(first?.extra).toBeUndefined()
  expect(second?.extra).toEqual(keys)
  expect(third?.extra).toEqual([['fdtdir', '/dtb'], ...keys])
})

test.each([undefined, '', ';', 'novalue', '=x', 'two words=1', '1=x', 'a\nlinux=/x', 'a=b\nlinux /x'])(
  '%j adds nothing',
  (setting) => {
    expect(appendExceptDefault([spec('a'), spec('b')], setting)[1]?.extra).toBeUndefined()
  },
)
