import { fakeHost, memoryDir, memorySysroot } from '@bootc-sdk/core/testing'
import { describe, expect, test } from 'vitest'

// The rules of every directory are in the conformance suite.

describe('memoryDir', () => {
  test('a full volume says so, and gives back what is removed', async () => {
    const dir = memoryDir({ capacityBytes: 100 })
    await dir.write('a', Buffer.alloc(60))
    await expect(dir.write('b', Buffer.alloc(60))).rejects.toMatchObject({ code: 'TREE_NO_SPACE' })
    expect(await dir.space()).toEqual({ freeBytes: 40, totalBytes: 100 })
    await dir.link('a', 'c')
    await dir.remove('a')
    expect((await dir.space()).freeBytes).toBe(40)
    await dir.remove('c')
    expect((await dir.space()).freeBytes).toBe(100)
    await dir.mkdir('d')
    await dir.write('d/a', Buffer.alloc(30))
    await dir.link('d/a', 'd/b')
    await dir.remove('d')
    expect((await dir.space()).freeBytes).toBe(100)
  })

  test('a snapshot is independent and keeps hard links and inode numbers', async () => {
    const dir = memoryDir()
    await dir.write('a', Buffer.from('1'), { xattrs: [{ name: 'user.x', value: Buffer.from('y') }] })
    await dir.link('a', 'b')
    const copy = dir.snapshot()
    await dir.remove('a')
    await copy.setMeta('b', { mode: 0o600, xattrs: [] })
    expect((await dir.stat('b'))?.mode).toBe(0o644)
    expect(await dir.xattrs('b')).toHaveLength(1)
    const [a, b] = [await copy.stat('a'), await copy.stat('b')]
    expect(a).toEqual(b)
    expect([a?.nlink, a?.ino, a?.dev]).toEqual([2, (await dir.stat('b'))?.ino, (await dir.stat('b'))?.dev])
  })

  test('devices can be there, although a directory cannot make them', async () => {
    const dir = memoryDir()
    await dir.special('null', 'char', { mode: 0o666 })
    expect((await dir.stat('null'))?.type).toBe('char')
    await expect(dir.read('null')[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'TREE_NOT_FILE',
    })
  })

  test('the clock moves on by itself, the same in every run', async () => {
    const times = async () => {
      const dir = memoryDir()
      await dir.write('a', Buffer.from(''))
      await dir.write('b', Buffer.from(''))
      return [(await dir.stat('a'))!.mtime, (await dir.stat('b'))!.mtime] as const
    }
    const [a, b] = await times()
    expect(b).toBeGreaterThan(a)
    expect(await times()).toEqual([a, b])
  })
})

describe('memorySysroot and fakeHost', () => {
  test('a boot volume of its own has the prefix /', () => {
    expect(memorySysroot().boot.bootPrefix).toBe('/boot/')
    expect(memorySysroot({ boot: 'volume' }).boot.bootPrefix).toBe('/')
  })

  test('a host remembers the programs it was asked for, and reboots', async () => {
    const host = fakeHost({ cmdline: 'one' })
    expect((await host.run(['reboot', '-f'])).code).toBe(127)
    expect(host.calls).toEqual([['reboot', '-f']])
    const before = await host.bootId()
    host.reboot('two')
    expect(await host.cmdline()).toBe('two')
    expect(await host.bootId()).not.toBe(before)
  })
})
