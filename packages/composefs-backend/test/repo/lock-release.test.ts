import type { Dir } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { expect, it } from 'vitest'
import { initComposefsRepo, openComposefsRepo } from '../../src/repo/index.js'

const native = false

/** Whether nobody holds the lock of a repository, or of a directory in it. */
async function isFree(dir: Dir, path = ''): Promise<boolean> {
  await using lock = await dir.lock(path, { exclusive: true, timeoutMs: 0 }).catch(() => null)
  return lock !== null
}

async function emptyRepo(): Promise<Dir> {
  const dir = memoryDir({ supports: { verity: true } })
  await (await initComposefsRepo(dir, { native, requireVerity: false }))[Symbol.asyncDispose]()
  return dir
}

it('is let go when a transaction cannot begin, nor what it has made be removed', async () => {
  const dir = await emptyRepo()
  const broken: Dir = {
    ...dir,
    write: () => Promise.reject(new Error('broken disk')),
    remove: () => Promise.reject(new Error('cannot be removed either')),
  }
  await using repo = await openComposefsRepo(broken, { native, lock: 'writing' })
  await expect(repo.begin()).rejects.toThrow('broken disk')
  expect(await isFree(dir)).toBe(true)
})

it('of a staging directory is let go when it cannot be looked at', async () => {
  const dir = await emptyRepo()
  let made = ''
  const broken: Dir = {
    ...dir,
    async mkdir(path, meta) {
      if (path.startsWith('objects/.bootc-sdk-')) made = path
      await dir.mkdir(path, meta)
    },
    stat: (path) =>
      path !== '' && path === made ? Promise.reject(new Error('broken disk')) : dir.stat(path),
  }
  await using repo = await openComposefsRepo(broken, { native })
  await expect(repo.begin()).rejects.toThrow('broken disk')
  expect(made).not.toBe('')
  expect(await isFree(dir, made)).toBe(true)
})

it('is let go by a repository that is closed while it collects garbage', async () => {
  const dir = await emptyRepo()
  const repo = await openComposefsRepo(dir, { native })
  const collected = repo.gc()
  await repo[Symbol.asyncDispose]()
  expect(await collected).toMatchObject({ objects: 0, problems: [] })
  expect(await isFree(dir)).toBe(true)
})
