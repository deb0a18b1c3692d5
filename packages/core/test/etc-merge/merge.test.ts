import { describe, expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { findEtcConflicts, diffEtc, mergeEtc, planEtcMerge } from '../../src/etc-merge/index.js'
import type { EtcOptions } from '../../src/etc-merge/index.js'
import { listing, treeDir } from './trees.js'
import type { Entry, Tree } from './trees.js'

const dir = (mode = 0o755, more: Partial<Entry> = {}): Entry => ({ type: 'directory', mode, ...more })
const file = (content: string, more: Partial<Entry> = {}): Entry => ({
  type: 'file',
  mode: 0o644,
  content,
  ...more,
})
const link = (target: string): Entry => ({ type: 'symlink', mode: 0o777, target })

async function merge(pristine: Tree, current: Tree, fresh: Tree, options?: EtcOptions) {
  const target = await treeDir(fresh)
  const before = await listing(target)
  const trees = { pristine: await treeDir(pristine), current: await treeDir(current), target }
  try {
    const report = await mergeEtc(trees, options)
    return { report, merged: await listing(target), unchanged: false }
  } catch (error) {
    const merged = await listing(target)
    return { error, merged, unchanged: JSON.stringify(before) === JSON.stringify(merged) }
  }
}

describe.each(['ostree', 'composefs'] as const)('policy %s', (policy) => {
  test('the local version wins, the rest follows the new image', async () => {
    const pristine = { a: file('1'), b: file('1'), c: file('1'), d: file('1'), l: link('x') }
    const current = {
      a: file('mine'),
      b: file('1'),
      d: file('1', { mode: 0o600, uid: 7 }),
      l: link('y'),
      n: file('new'),
    }
    const fresh = { a: file('theirs'), b: file('2'), c: file('2'), d: file('1'), l: link('x'), z: file('z') }
    const { merged, report } = await merge(pristine, current, fresh, { policy })
    expect(merged).toEqual({
      a: file('mine'),
      b: file('2'),
      d: file('1', { mode: 0o600, uid: 7 }),
      l: link('y'),
      n: file('new'),
      z: file('z'),
    })
    expect(report).toEqual({
      modified: ['a', 'd', 'l'],
      removed: ['c'],
      added: ['n'],
      conflicts: [],
      shadowed: ['a'],
      skipped: [],
    })
  })

  test('merging again into a target seeded afresh gives the same', async () => {
    const pristine = { d: dir(), 'd/a': file('1'), 'd/b': file('1') }
    const current = { d: dir(0o700), 'd/a': file('2'), 'd/new': dir(0o711), 'd/new/x': file('x') }
    const fresh = { d: dir(), 'd/a': file('3'), 'd/b': file('1'), 'd/c': file('c') }
    const first = await merge(pristine, current, fresh, { policy })
    const second = await merge(pristine, current, fresh, { policy })
    expect(second.merged).toEqual(first.merged)
  })

  test('a directory that the new image dropped comes back with its attributes', async () => {
    const { merged } = await merge(
      { d: dir(), 'd/e': dir(), 'd/e/f': file('1'), 'd/g': file('1') },
      { d: dir(0o711), 'd/e': dir(0o712, { uid: 3 }), 'd/e/f': file('2'), 'd/g': file('1') },
      {},
      { policy },
    )
    expect(merged).toMatchObject({ d: dir(0o711), 'd/e': dir(0o712, { uid: 3 }), 'd/e/f': file('2') })
  })

  test('a local file where the new image has a directory is a conflict, found before the first write', async () => {
    const outcome = await merge(
      { a: file('1'), b: file('1') },
      { a: file('2') },
      { a: dir(), b: file('1') },
      { policy },
    )
    expect(isBootcError(outcome.error, 'DEPLOY_ETC_CONFLICT')).toBe(true)
    expect(outcome.error).toMatchObject({
      details: { conflicts: [{ path: 'a', kind: 'default-is-directory' }] },
    })
    expect(outcome.unchanged).toBe(true)
  })

  test('a change below what is a file or a link now is a conflict that names the file', async () => {
    for (const now of [file('x'), link('other')]) {
      const { error } = await merge(
        { d: dir(), 'd/e': dir(), 'd/e/f': file('1') },
        { d: dir(), 'd/e': dir(), 'd/e/f': file('2') },
        { d: now, other: dir() },
        { policy },
      )
      expect(error).toMatchObject({ details: { conflicts: [{ path: 'd', kind: 'default-is-file' }] } })
    }
  })

  test('a removal below what is a file or a link now is nothing to do', async () => {
    for (const now of [file('x'), link('other')]) {
      const fresh = { d: now, other: dir(), 'other/f': file('kept') }
      const { merged } = await merge({ d: dir(), 'd/f': file('1') }, { d: dir() }, fresh, { policy })
      expect(merged).toEqual(fresh)
    }
  })

  test('links are copied, never followed', async () => {
    const { merged } = await merge(
      {},
      { l: link('/outside'), d: dir(), 'd/l': link('../../x') },
      {},
      { policy },
    )
    expect(merged).toEqual({ l: link('/outside'), d: dir(), 'd/l': link('../../x') })
  })

  test('a plan writes nothing and lists conflicts instead of throwing', async () => {
    const fresh = await treeDir({ a: dir() })
    const before = await listing(fresh)
    const pristine = await treeDir({ a: file('1') })
    const current = await treeDir({ a: file('2') })
    const report = await planEtcMerge({ pristine, current, fresh }, { policy })
    expect(report).toMatchObject({ modified: ['a'], conflicts: [{ path: 'a' }], shadowed: ['a'] })
    expect(await listing(fresh)).toEqual(before)
    const diff = await diffEtc(pristine, current, { policy })
    expect(await findEtcConflicts({ pristine, current, fresh }, diff, { policy })).toEqual(report.conflicts)
  })

  test('an abort stops it with its reason', async () => {
    const reason = new Error('enough')
    const options = { policy, signal: AbortSignal.abort(reason) }
    const { error, unchanged } = await merge({ a: file('1') }, { a: file('2') }, { a: file('1') }, options)
    expect(error).toBe(reason)
    expect(unchanged).toBe(true)
  })

  test('files that differ only in the middle of large content are found', async () => {
    const text = 'x'.repeat(700_000)
    const pristine = await treeDir({ big: file(text), same: file(text) })
    const current = await treeDir({
      big: file(`${text.slice(0, 350_000)}y${text.slice(350_001)}`),
      same: file(text),
    })
    expect((await diffEtc(pristine, current, { policy })).modified).toEqual(['big'])
  })

  test('pipes are left behind', async () => {
    const { merged } = await merge({}, { d: dir(), 'd/pipe': { type: 'fifo', mode: 0o600 } }, {}, { policy })
    expect(merged).toEqual({ d: dir() })
  })
})

describe('what only libostree does', () => {
  test('attributes of a directory in which nothing else changed are lost, and said to be', async () => {
    const { merged, report } = await merge({ d: dir() }, { d: dir(0o700) }, { d: dir() })
    expect(merged).toEqual({ d: dir() })
    expect(report).toMatchObject({ modified: ['d'], skipped: ['d'] })
  })

  test('changed extended attributes alone are no change', async () => {
    const { report } = await merge(
      { a: file('1') },
      { a: file('1', { xattrs: { 'user.a': '1' } }) },
      { a: file('1') },
    )
    expect(report).toMatchObject({ modified: [], added: [] })
  })

  test('pipes are listed as added and skipped', async () => {
    const { report } = await merge({}, { pipe: { type: 'fifo', mode: 0o600 } }, {})
    expect(report).toMatchObject({ added: ['pipe'], skipped: ['pipe'] })
  })

  test('a directory put in place of a file gives way when the new image has one too', async () => {
    const { merged, report } = await merge(
      { a: file('1') },
      { a: dir(0o700), 'a/m': file('m') },
      { a: dir(), 'a/t': file('t') },
    )
    expect(merged).toEqual({ a: dir(), 'a/t': file('t') })
    expect(report).toMatchObject({ modified: ['a'], skipped: ['a'] })
  })
})

describe('what only composefs does', () => {
  const policy = 'composefs'

  test('attributes of directories and extended attributes count', async () => {
    const { merged, report } = await merge(
      { d: dir(), x: file('1') },
      { d: dir(0o700), x: file('1', { xattrs: { 'user.a': '1' } }) },
      { d: dir(), x: file('1') },
      { policy },
    )
    expect(merged).toEqual({ d: dir(0o700), x: file('1', { xattrs: { 'user.a': '1' } }) })
    expect(report).toMatchObject({ modified: ['d', 'x'], skipped: [] })
  })

  test('a changed directory where the new image has a file is a conflict', async () => {
    const { error } = await merge({ d: dir() }, { d: dir(0o700) }, { d: file('x') }, { policy })
    expect(error).toMatchObject({ details: { conflicts: [{ path: 'd', kind: 'default-is-file' }] } })
  })

  test('who changed the kind of an entry keeps it while the default keeps its own', async () => {
    const { merged } = await merge(
      { a: file('1'), d: dir(), 'd/f': file('1') },
      { a: dir(0o700), 'a/m': file('m'), d: file('flat') },
      { a: file('2'), d: dir(), 'd/f': file('2') },
      { policy },
    )
    expect(merged).toEqual({ a: dir(0o700), 'a/m': file('m'), d: file('flat') })
  })
})

test('a target that cannot change owners or hold attributes gets the rest', async () => {
  const { memoryDir } = await import('../../src/testing/index.js')
  const target = memoryDir({ supports: { chown: false, xattrs: false }, uid: 1000, gid: 1000 })
  const current = await treeDir({ a: file('x', { mode: 0o600, uid: 5, xattrs: { 'user.a': '1' } }) })
  await mergeEtc({ pristine: await treeDir({}), current, target })
  expect(await target.stat('a')).toMatchObject({ mode: 0o600, uid: 1000 })
})
