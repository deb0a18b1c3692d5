import type { Dir } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { expect, it } from 'vitest'
import { initComposefsRepo, openComposefsRepo } from '../../src/repo/index.js'

const native = false

it('a file that could not be stored is stored when it comes again', async () => {
  const dir = memoryDir()
  await (await initComposefsRepo(dir, { native }))[Symbol.asyncDispose]()
  let failures = 1
  const flaky: Dir = {
    ...dir,
    rename: (from, to, options) =>
      from.includes('/part-') && failures-- > 0
        ? Promise.reject(new Error('just now'))
        : dir.rename(from, to, options),
  }
  const tree = memoryDir()
  await tree.write('f', Buffer.alloc(5000, 'content'))
  await using repo = await openComposefsRepo(flaky, { native })
  await using transaction = await repo.begin()
  await expect(transaction.putFile({ tree, path: 'f' })).rejects.toThrow('just now')
  const [{ id }, again] = await Promise.all([
    transaction.putFile({ tree, path: 'f' }),
    transaction.putFile({ tree, path: 'f' }),
  ])
  expect(again.id).toBe(id)
  await transaction.commit()
  expect(await repo.hasObject(id, 5000)).toBe(true)
})
