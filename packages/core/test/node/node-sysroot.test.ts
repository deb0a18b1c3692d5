import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeSysroot } from '@bootc-sdk/core/node'
import { fakeHost } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'
import { scratch } from './scratch.js'

describe('nodeSysroot', () => {
  test('a plain directory: nothing is running, /boot is part of it, nothing is made by looking', async () => {
    const path = scratch()
    const sysroot = nodeSysroot(path)
    expect(sysroot.live).toBe(false)
    expect(sysroot.readOnly).toBe(false)
    expect(sysroot.boot.bootPrefix).toBe('/boot/')
    expect(sysroot.esps).toEqual([])
    expect(await sysroot.host.cmdline()).toBe('')
    expect(await sysroot.run.stat('x')).toBeUndefined()
    for await (const entry of sysroot.run.list('')) expect(entry).toBeUndefined()
    for await (const entry of sysroot.boot.dir.list('')) expect(entry).toBeUndefined()
    expect(readdirSync(path)).toEqual([])
  })

  test('/run and /boot of a directory come with the first write', async () => {
    const path = scratch()
    const sysroot = nodeSysroot(path)
    await sysroot.run.write('note', Buffer.from('x'))
    await sysroot.boot.dir.mkdir('loader.0')
    expect(existsSync(join(path, 'run/note'))).toBe(true)
    expect(existsSync(join(path, 'boot/loader.0'))).toBe(true)
    expect((await sysroot.run.stat('note'))?.type).toBe('file')
  })

  test.each([
    ['/boot/ostree/default-1/vmlinuz', '/boot/'],
    ['/ostree/default-1/vmlinuz', '/'],
  ] as const)('boot entries that say linux %s decide on the prefix %s', (linux, prefix) => {
    const path = scratch()
    mkdirSync(join(path, 'boot/loader.1/entries'), { recursive: true })
    symlinkSync('loader.1', join(path, 'boot/loader'))
    writeFileSync(join(path, 'boot/loader.1/entries/ostree-1.conf'), `title x\nlinux ${linux}\noptions rw\n`)
    expect(nodeSysroot(path).boot.bootPrefix).toBe(prefix)
  })

  test('one lock at a time, whatever object asks', async () => {
    const path = scratch()
    const held = await nodeSysroot(path).lock()
    await expect(nodeSysroot(path).lock({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'TREE_LOCKED' })
    await held[Symbol.asyncDispose]()
    const again = await nodeSysroot(path, { host: fakeHost() }).lock({ timeoutMs: 0 })
    expect(again.sysroot.root.hostPath).toBe(nodeSysroot(path).root.hostPath)
    await again[Symbol.asyncDispose]()
  })
})
