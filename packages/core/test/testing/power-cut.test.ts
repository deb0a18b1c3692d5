import {
  describeTree,
  memoryDir,
  memorySysroot,
  PowerCut,
  powerCutDir,
  powerCutSysroot,
  readText,
} from '@bootc-sdk/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const bytes = (text: string) => Buffer.from(text)

describe('powerCutDir', () => {
  test('what was synced survives every way, what was not is lost or kept', async () => {
    const { dir, survivors } = powerCutDir(memoryDir())
    await dir.write('synced', bytes('1'))
    await dir.sync()
    await dir.write('pending', bytes('2'))
    const states = new Map((await survivors()).map(({ name, dir: found }) => [name, found]))
    for (const found of states.values()) expect(await readText(found, 'synced')).toBe('1')
    expect(await states.get('lost')!.stat('pending')).toBeUndefined()
    expect(await readText(states.get('empty files')!, 'pending')).toBe('')
    expect(await readText(states.get('kept')!, 'pending')).toBe('2')
  })

  test('a file that replaces another without a sync may be found empty', async () => {
    const { dir, survivors } = powerCutDir(memoryDir())
    await dir.write('pointer', bytes('0'))
    await dir.sync()
    await dir.write('pointer', bytes('1'))
    const texts = await Promise.all((await survivors()).map(({ dir: found }) => readText(found, 'pointer')))
    expect(texts.slice(0, 3)).toEqual(['0', '', '1'])
  })

  test('a rename of a synced file is old or new, never empty', async () => {
    const { dir, survivors } = powerCutDir(memoryDir())
    await dir.write('pointer', bytes('0'))
    await dir.write('next', bytes('1'))
    await dir.sync()
    await dir.rename('next', 'pointer')
    for (const { dir: found } of await survivors({ random: 8 })) {
      expect(['0', '1']).toContain(await readText(found, 'pointer'))
    }
  })

  test('the cut comes before the write of its number, and everything after it throws', async () => {
    const { dir, supply, survivors } = powerCutDir(memoryDir())
    supply.cutAfter(2)
    await dir.mkdir('a')
    await dir.write('a/b', bytes('x'))
    await expect(dir.write('a/c', bytes('y'))).rejects.toBeInstanceOf(PowerCut)
    expect(supply.isCut).toBe(true)
    await expect(dir.stat('a')).rejects.toBeInstanceOf(PowerCut)
    await expect(dir.remove('a')).rejects.toBeInstanceOf(PowerCut)
    await expect(readText(dir, 'a/b')).rejects.toBeInstanceOf(PowerCut)
    expect(supply.log).toEqual(['mkdir a', 'write a/b'])
    const kept = (await survivors()).find(({ name }) => name === 'kept')!
    expect((await describeTree(kept.dir)).map((line) => line.split(' ')[0])).toEqual([
      'a',
      'a/.bootc-sdk-000000.tmp',
      'a/b',
    ])
  })

  test('removing a tree takes as many writes as it has entries', async () => {
    const base = memoryDir({ directories: ['t', 't/d'] })
    await base.write('t/d/f', bytes('x'))
    await base.write('t/g', bytes('x'))
    const { dir, supply, survivors } = powerCutDir(base)
    supply.cutAfter(2)
    await expect(dir.remove('t')).rejects.toBeInstanceOf(PowerCut)
    const kept = (await survivors()).find(({ name }) => name === 'kept')!
    expect((await describeTree(kept.dir)).map((line) => line.split(' ')[0])).toEqual(['t', 't/g'])
  })

  test('one write can be made to fail, and the work goes on', async () => {
    const { dir, supply } = powerCutDir(memoryDir())
    supply.failAt(1, () => new Error('disk full'))
    await dir.mkdir('a')
    await expect(dir.mkdir('b')).rejects.toThrow('disk full')
    await dir.mkdir('c')
    expect((await describeTree(dir)).length).toBe(2)
  })

  test('random states are the same for the same seed', async () => {
    const states = async (seed: number) => {
      const { dir, survivors } = powerCutDir(memoryDir())
      for (let i = 0; i < 20; i++) await dir.write(`f${i}`, bytes('content'))
      const found = await survivors({ random: 4, seed })
      return Promise.all(found.map(({ dir: each }) => describeTree(each)))
    }
    expect(await states(3)).toEqual(await states(3))
    expect(await states(3)).not.toEqual(await states(4))
  })

  test('a state is never more than what was written, in whatever order', async () => {
    const write = fc.record({
      path: fc.constantFrom('a', 'b', 'c'),
      text: fc.constantFrom('1', '22', '333'),
      sync: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 8 }), fc.nat(), async (writes, seed) => {
        const { dir, survivors } = powerCutDir(memoryDir())
        const possible = new Map<string, Set<string | undefined>>()
        for (const path of ['a', 'b', 'c']) possible.set(path, new Set([undefined]))
        for (const { path, text, sync } of writes) {
          await dir.write(path, bytes(text))
          for (let length = 0; length <= text.length; length++) possible.get(path)!.add(text.slice(0, length))
          if (!sync) continue
          await dir.sync()
          for (const name of possible.keys()) possible.set(name, new Set([await readText(dir, name)]))
        }
        for (const { dir: found } of await survivors({ random: 4, seed })) {
          for (const [path, texts] of possible) expect(texts).toContain(await readText(found, path))
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('powerCutSysroot', () => {
  test('all volumes lose power at once, /run loses everything, the original nothing', async () => {
    const original = memorySysroot({ boot: 'volume' })
    const { sysroot, supply, survivors } = powerCutSysroot(original)
    await sysroot.root.write('r', bytes('1'))
    await sysroot.run.write('note', bytes('2'))
    await sysroot.root.sync()
    await sysroot.boot.dir.write('b', bytes('3'))
    supply.cutAfter(4)
    await expect(sysroot.boot.dir.sync()).rejects.toBeInstanceOf(PowerCut)
    await expect(sysroot.root.stat('r')).rejects.toBeInstanceOf(PowerCut)
    const [lost, , kept] = await survivors()
    expect(await readText(lost!.disks.root, 'r')).toBe('1')
    expect(await lost!.disks.boot!.stat('b')).toBeUndefined()
    expect(await readText(kept!.disks.boot!, 'b')).toBe('3')
    expect(await original.root.stat('r')).toBeUndefined()
    expect(await memorySysroot({ ...kept!.disks }).run.stat('note')).toBeUndefined()
  })

  test('a sync of one volume is none of another', async () => {
    const { sysroot, survivors } = powerCutSysroot(memorySysroot({ boot: 'volume' }))
    await sysroot.boot.dir.write('b', bytes('3'))
    await sysroot.root.sync()
    const [lost] = await survivors()
    expect(await lost!.disks.boot!.stat('b')).toBeUndefined()
  })
})
