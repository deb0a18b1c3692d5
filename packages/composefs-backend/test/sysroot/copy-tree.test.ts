import { describe, expect, test } from 'vitest'
import type { Dir } from '@bootc-sdk/core'
import { diffEtc } from '@bootc-sdk/core/etc-merge'
import { describeTree, memoryDir, readText } from '@bootc-sdk/core/testing'
import { copyTree } from '../../src/sysroot/copy-tree.js'
import { heldView, subtree } from '../../src/sysroot/held-view.js'

const label = (text: string) => [{ name: 'security.selinux', value: Buffer.from(text) }]

async function source(): Promise<Dir> {
  const tree = memoryDir({ directories: ['etc', 'etc/app.d'] })
  await tree.write('etc/shadow', Buffer.from('secret'), {
    mode: 0o600,
    uid: 1,
    gid: 2,
    mtime: 1_500_000_000.25,
  })
  await tree.write('etc/labelled', Buffer.from('x'), {
    xattrs: [...label('etc_t'), { name: 'user.a', value: Buffer.from('1') }],
  })
  await tree.write('etc/app.d/one', Buffer.from('linked'))
  await tree.link('etc/app.d/one', 'etc/two')
  await tree.symlink('../usr/lib/os-release', 'etc/os-release')
  await tree.write('etc/.updated', Buffer.from(''))
  await tree.setMeta('etc/app.d', { mode: 0o2750, gid: 7, mtime: 1_400_000_000 })
  await tree.setMeta('etc', { mode: 0o751, mtime: 1_300_000_000, xattrs: label('etc_t') })
  return tree
}

describe('a copy', () => {
  test('is like the source in every attribute', async () => {
    const [from, to] = [await source(), memoryDir({ directories: ['state'] })]
    await copyTree(from, 'etc', to, 'state')
    expect(await describeTree(to.sub('state'))).toEqual(await describeTree(from.sub('etc')))
    expect(await to.stat('state')).toMatchObject({ mode: 0o751, mtime: 1_300_000_000 })
    expect(await to.stat('state/app.d')).toMatchObject({ mode: 0o2750, gid: 7, mtime: 1_400_000_000 })
    const [one, two] = [await to.stat('state/app.d/one'), await to.stat('state/two')]
    expect([one?.nlink, two?.ino]).toEqual([2, one?.ino])
  })

  test('leaves out what it is told to, at the top only', async () => {
    const [from, to] = [await source(), memoryDir({ directories: ['state'] })]
    await from.write('etc/app.d/.updated', Buffer.from(''))
    await copyTree(from, 'etc', to, 'state', { skip: new Set(['.updated']) })
    expect(await to.stat('state/.updated')).toBeUndefined()
    expect(await to.stat('state/app.d/.updated')).toBeDefined()
  })

  test('of a directory that is not there is nothing', async () => {
    const to = memoryDir({ directories: ['state'] })
    await copyTree(await source(), 'var', to, 'state')
    expect(await describeTree(to.sub('state'))).toEqual([])
  })

  test('stops when it is aborted', async () => {
    const reason = new Error('stop')
    const to = memoryDir({ directories: ['state'] })
    await expect(
      copyTree(await source(), 'etc', to, 'state', { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
  })

  test.each([
    ['owners', { chown: false }],
    ['attributes', { xattrs: false }],
    ['either', { chown: false, xattrs: false }],
    ['hard links', { hardlink: false }],
  ])('where %s cannot be kept is not taken for a local change', async (_what, supports) => {
    const to = memoryDir({ directories: ['state'], supports, uid: 1000, gid: 1000 })
    const from = await source()
    await copyTree(from, 'etc', to, 'state')
    const defaults = await heldView(subtree(from, 'etc'), to)
    const current = to.sub('state')
    expect(await diffEtc(defaults, current, { policy: 'composefs' })).toEqual({
      modified: [],
      removed: [],
      added: [],
    })
    await current.write('two', Buffer.from('mine'))
    expect((await diffEtc(defaults, current, { policy: 'composefs' })).modified).toEqual(['two'])
    expect(await readText(current, 'app.d/one')).toBe('linked')
  })
})
