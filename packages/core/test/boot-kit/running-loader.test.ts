import { expect, test } from 'vitest'
import { runningLoader } from '../../src/boot-kit/index.js'
import { fakeHost } from '../../src/testing/index.js'

const guid = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f'
const host = (variables: Record<string, Buffer>) =>
  fakeHost({
    efiVariables: Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [`${name}-${guid}`, value]),
    ),
  })
const text = (value: string) => Buffer.from(`${value}\0`, 'utf16le')

test('what systemd-boot says of itself and of a trial', async () => {
  const variables = {
    LoaderInfo: text('systemd-boot 257.9-1~deb13u1'),
    LoaderEntrySelected: text('bootc_debian-13-1.conf'),
    LoaderBootCountPath: text('\\loader\\entries\\bootc_debian-13-1+2-1.conf'),
  }
  expect(await runningLoader(host(variables))).toEqual({
    info: 'systemd-boot 257.9-1~deb13u1',
    entry: 'bootc_debian-13-1.conf',
    countPath: '/loader/entries/bootc_debian-13-1+2-1.conf',
  })
})

test.each([
  ['nothing', {}],
  ['an empty one', { LoaderInfo: Buffer.alloc(0) }],
  ['half a character', { LoaderInfo: Buffer.alloc(1) }],
])('%s says nothing', async (_, variables) => {
  expect(await runningLoader(host(variables))).toBeUndefined()
})

test('a machine without EFI variables', async () => {
  expect(await runningLoader(fakeHost())).toBeUndefined()
})
