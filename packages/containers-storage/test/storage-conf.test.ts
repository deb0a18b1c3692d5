import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadStorageConf } from '../src/index.js'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'storage-conf-'))
  await mkdir(join(home, '.config/containers'), { recursive: true })
})
afterAll(() => rm(home, { recursive: true, force: true }))

async function conf(text: string): Promise<string> {
  const path = join(home, 'storage.conf')
  await writeFile(path, text)
  return path
}

test('the file that is named decides, and STORAGE_DRIVER wins over its driver', async () => {
  const path = await conf(
    '[storage]\ndriver = "overlay"\ngraphroot = "/srv/images"\n[storage.options]\nadditionalimagestores = ["/usr/lib/x", ""]\n',
  )
  const env = { CONTAINERS_STORAGE_CONF: path }
  expect(loadStorageConf({ env, uid: 0 })).toEqual({
    driver: 'overlay',
    graphRoot: '/srv/images',
    additionalStores: ['/usr/lib/x'],
  })
  expect(loadStorageConf({ env: { ...env, STORAGE_DRIVER: 'vfs' }, uid: 0 }).driver).toBe('vfs')
})

test('a user has a store at home, whatever the graphroot of the system is', async () => {
  const env = { HOME: home, CONTAINERS_STORAGE_CONF: join(home, 'none.conf') }
  expect(loadStorageConf({ env, uid: 1000 }).graphRoot).toBe(join(home, '.local/share/containers/storage'))
  await writeFile(join(home, '.config/containers/storage.conf'), '[storage]\ngraphroot = "$HOME/images"\n')
  expect(loadStorageConf({ env: { HOME: home }, uid: 1000 }).graphRoot).toBe(join(home, 'images'))
})

test('nonsense is named with its file', async () => {
  const path = await conf('[storage\n')
  expect(() => loadStorageConf({ env: { CONTAINERS_STORAGE_CONF: path }, uid: 0 })).toThrow(path)
})
