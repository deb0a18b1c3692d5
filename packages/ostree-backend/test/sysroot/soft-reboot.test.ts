import { type SysrootLock } from '@bootc-sdk/core'
import { fakeHost, memoryDir, memorySysroot } from '@bootc-sdk/core/testing'
import { expect, test } from 'vitest'
import { ostreeSoftReboots } from '../../src/sysroot/soft-reboot.js'

const name = { stateroot: 'default', checksum: 'ab'.repeat(32), deploySerial: 1 }
const id = `default/${name.checksum}.1`
const lock = {} as SysrootLock

async function lab(config?: string, { fails = false, image = true } = {}) {
  const run = memoryDir()
  const tree = memoryDir()
  if (image) await tree.write('.ostree.cfs', Buffer.from('image'))
  if (config !== undefined) {
    await tree.mkdir('usr')
    await tree.mkdir('usr/lib')
    await tree.mkdir('usr/lib/ostree')
    await tree.write('usr/lib/ostree/prepare-root.conf', Buffer.from(config))
  }
  const host = fakeHost({
    run: async (argv) => {
      const isMount = argv.some((word) => word.includes('impl-prepare-soft-reboot'))
      if (isMount) {
        await run.mkdir('ostree')
        await run.write('ostree/nextroot-booted', Buffer.from('x'))
      }
      return { code: isMount && fails ? 1 : 0, stdout: '', stderr: fails ? 'error: no\n' : '' }
    },
  })
  const sysroot = { ...memorySysroot({ live: true, run }), run, host }
  const soft = ostreeSoftReboots({
    sysroot,
    target: async () => Promise.resolve(undefined),
    existing: async () => Promise.resolve(name),
    root: async () => Promise.resolve(tree),
  })
  return { soft, host, run }
}

test('libostree mounts the next root, inside of the deployment and among the mounts of the system', async () => {
  const { soft, host } = await lab()
  await soft.prepare({ id, kargs: [] }, lock)
  const call = host.calls.at(-1)!
  expect(call.slice(0, 3)).toEqual(['nsenter', '--mount=/proc/1/ns/mnt', '--'])
  expect(call.at(-1)).toBe(`/sysroot/ostree/deploy/default/deploy/${name.checksum}.1`)
  expect(call).toContain('cd "$1" && exec ostree admin impl-prepare-soft-reboot')
})

test('when it fails, or is taken back, its note for the next boot goes too', async () => {
  const { soft, run, host } = await lab(undefined, { fails: true })
  await expect(soft.prepare({ id, kargs: [] }, lock)).rejects.toThrow('could not be prepared: error: no')
  expect(await run.stat('ostree/nextroot-booted')).toBeUndefined()
  expect(host.calls.at(-1)?.join(' ')).toContain('umount -R -l')
  const { soft: again, run: there } = await lab()
  await again.prepare({ id, kargs: [] }, lock)
  expect(await there.stat('ostree/nextroot-booted')).toBeDefined()
  await again.reset(lock)
  expect(await there.stat('ostree/nextroot-booted')).toBeUndefined()
})

test.each([
  [undefined, true],
  ['[composefs]\nenabled = maybe\n', true],
  ['[sysroot]\nenabled = yes\n[composefs]\nenabled = no\n', true],
  ['[composefs]\nenabled = yes\n[sysroot]\nreadonly = true\n', false],
  ['[sysroot]\nreadonly = true\n[composefs]\nenabled = true\n', false],
  ['[composefs]\nenabled = signed\n', false],
])('only with composefs, as libostree demands: %j', async (config, isRefused) => {
  const { soft } = await lab(config)
  expect((await soft.obstacle?.(id)) !== undefined).toBe(isRefused)
})

test('not into a deployment that was made without its composefs image', async () => {
  const { soft } = await lab('[composefs]\nenabled = yes\n', { image: false })
  expect(await soft.obstacle?.(id)).toContain('.ostree.cfs')
})
