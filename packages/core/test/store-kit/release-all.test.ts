import { expect, test } from 'vitest'
import { releaseAll } from '../../src/store-kit/index.js'

test('everything is released, the last first, and the first failure is told', async () => {
  const released: string[] = []
  const lock = (name: string, failure?: Error): AsyncDisposable => ({
    [Symbol.asyncDispose]: () => {
      released.push(name)
      return failure === undefined ? Promise.resolve() : Promise.reject(failure)
    },
  })
  const held = [lock('a'), lock('b', new Error('b')), lock('c', new Error('c'))]
  await expect(releaseAll(held)).rejects.toThrow('c')
  expect(released).toEqual(['c', 'b', 'a'])
  await releaseAll(held)
  expect(released.length).toBe(3)
})
