import { expect, test } from 'vitest'
import { mapLimit } from '../../src/store-kit/index.js'

test.each([0, -1, NaN, 0.5, 1, 2, Infinity])('everything is done with a limit of %d', async (limit) => {
  expect(await mapLimit(['a', 'b', 'c'], limit, (item) => Promise.resolve(item))).toEqual(['a', 'b', 'c'])
})

test('the first failure is told when all have stopped', async () => {
  let running = 0
  const work = async (item: number) => {
    running++
    await Promise.resolve()
    running--
    if (item === 1) throw new Error('one')
  }
  await expect(mapLimit([0, 1, 2, 3], 2, work)).rejects.toThrow('one')
  expect(running).toBe(0)
})
