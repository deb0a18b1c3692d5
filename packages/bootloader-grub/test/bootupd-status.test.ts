import { fakeHost, memoryDir, memorySysroot } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { bootupdPrograms } from '../src/install/bootupd-status.js'
import { updateByBootupd } from '../src/install/bootupd.js'
import { grubPrograms } from '../src/install/install.js'

const status = JSON.stringify({
  components: {
    BIOS: {
      installed: { timestamp: '2026-01-01T00:00:00Z', version: 'grub2-tools-1:2.12-10' },
      interrupted: null,
      update: null,
      updatable: 'at-latest-version',
      'adopted-from': null,
    },
    EFI: {
      installed: { timestamp: '2026-01-01T00:00:00Z', version: 'grub2-efi-x64-1:2.12-10,shim-x64-15.8-3' },
      update: { timestamp: '2026-06-01T00:00:00Z', version: 'grub2-efi-x64-1:2.12-12,shim-x64-16.1-1' },
      updatable: 'available',
    },
  },
  adoptable: {},
})

test('components of bootupd, with what they would be updated to', () => {
  expect(bootupdPrograms(status)).toEqual([
    {
      ...{ volume: 'bootupd', path: 'BIOS', version: 'grub2-tools-1:2.12-10' },
      ...{ shipped: 'grub2-tools-1:2.12-10', outdated: false },
    },
    {
      ...{ volume: 'bootupd', path: 'EFI', version: 'grub2-efi-x64-1:2.12-10,shim-x64-15.8-3' },
      ...{ shipped: 'grub2-efi-x64-1:2.12-12,shim-x64-16.1-1', outdated: true },
    },
  ])
})

test.each(['', 'null', '[]', '{"components":[1]}', '{"components":{"EFI":{"installed":null}}}'])(
  '%j says nothing',
  (json) => {
    expect(bootupdPrograms(json)).toEqual([])
  },
)

test('bootupd is asked on the running system that it has installed', async () => {
  const host = fakeHost({ run: () => Promise.resolve({ code: 0, stdout: status, stderr: '' }) })
  const boot = memoryDir()
  await boot.write('bootupd-state.json', Buffer.from('{}'))
  const running = memorySysroot({ boot, host, live: true })
  expect((await grubPrograms(running, undefined)).map(({ path }) => path)).toEqual(['BIOS', 'EFI'])
  expect(await grubPrograms(memorySysroot({ boot, host }), undefined)).toEqual([])
  const missing = memorySysroot({ boot, host: fakeHost(), live: true })
  expect(await grubPrograms(missing, undefined)).toEqual([])
})

test('a failure without words has a reason, too', async () => {
  const host = { ...fakeHost(), run: () => Promise.resolve({ code: 1, stdout: '', stderr: '\n' }) }
  const sysroot = { ...memorySysroot(), host, live: true }
  expect(await updateByBootupd(sysroot, undefined)).toBe('it failed')
})
