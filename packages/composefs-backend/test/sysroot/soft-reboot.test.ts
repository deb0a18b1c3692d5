import { isBootcError, type SysrootLock } from '@bootc-sdk/core'
import { fakeHost } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { composefsSoftReboots } from '../../src/sysroot/soft-reboot.js'

const id = 'ab'.repeat(64)
const other = 'cd'.repeat(64)
const lock = {} as SysrootLock
const ok = async () => ({ code: 0, stdout: '', stderr: '' })
const inHost = ['nsenter', '--mount=/proc/1/ns/mnt', '--']
const kargs = ['root=LABEL=root', `composefs=?${other}`, `composefs.digest=?v1-sha512-12:${other}`, 'quiet']
const strict = kargs.map((word) => word.replace('=?', '='))

test.each([
  [true, kargs, false, '?'],
  [false, kargs, false, ''],
  [false, strict, true, ''],
  // A repository that was copied has lost its fs-verity: the script refuses it, as at a restart.
  [true, strict, false, ''],
  [true, strict, true, '?'],
])(
  'the script of the initramfs mounts the next root among the mounts of the system (%s %s %s)',
  async (optional, kargs, allowMissingVerity, mark) => {
    const host = fakeHost({ run: ok })
    await composefsSoftReboots(host, () => optional, allowMissingVerity).prepare({ id, kargs }, lock)
    const [reset, mount] = host.calls
    expect(reset?.slice(0, 4)).toEqual([...inHost, 'sh'])
    expect(mount).toEqual([
      ...inHost,
      '/usr/lib/bootc-sdk/initramfs/setup-root.sh',
      ...['--sysroot', '/sysroot', '--next-root', '/run/nextroot'],
      ...['--arguments', `root=LABEL=root quiet composefs=${mark}${id}`],
    ])
  },
)

test('its refusal is the error', async () => {
  const run = async (argv: readonly string[]) =>
    argv.includes('--next-root') ? { code: 1, stdout: '', stderr: 'bootc-sdk: no image\n' } : ok()
  const error = await composefsSoftReboots(fakeHost({ run }), () => true)
    .prepare({ id, kargs }, lock)
    .catch((thrown: unknown) => thrown)
  expect(isBootcError(error, 'DEPLOY_SOFT_REBOOT_FAILED') && error.message).toBe(
    'a soft reboot could not be prepared: bootc-sdk: no image',
  )
})

test('what is prepared is what is mounted at /run/nextroot', async () => {
  const line = (point: string, source: string) => `29 1 0:26 / ${point} ro - overlay ${source} ro\n`
  const target = (mountinfo?: string) =>
    composefsSoftReboots(fakeHost(mountinfo === undefined ? {} : { mountinfo }), () => true).target()
  expect(await target()).toBeUndefined()
  expect(await target(line('/', `composefs:${other}`))).toBeUndefined()
  expect(await target(line('/', `composefs:${other}`) + line('/run/nextroot', `composefs:${id}`))).toBe(id)
  expect(await target(line('/run/nextroot', '/dev/sda1'))).toBeUndefined()
})
