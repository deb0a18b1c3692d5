import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { initRepo, openRepo } from '@bootc-sdk/ostree-backend'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { run } from './capture.js'
import { World } from './ostree-trust-world.js'

/** Encapsulated by ostree-ext from a commit that gpg has signed. */
const golden = join(import.meta.dirname, '../../ostree-backend/test/golden/container/15-signed')
const base = '1c6476e5c29bb671a71bd8160d29ce55688762bb6e12863b24eb5202ab836622'

let dir: string
let repo: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-remote-image-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  vi.stubEnv('HOME', dir)
  vi.stubEnv('XDG_CONFIG_HOME', '')
  repo = join(dir, 'repo')
  await mkdir(repo)
  await initRepo(nodeDir(repo), 'bare-user')
})
afterEach(() => vi.unstubAllEnvs())

const image = `ostree-remote-image:rem:oci:${golden}/oci:latest`
const pull = (name = image, ...more: readonly string[]) =>
  run(['image', 'pull', '--repo', repo, name, ...more])
const addRemote = (...flags: readonly string[]) =>
  run(['ostree', 'remote', 'add', '--repo', repo, 'rem', 'https://nowhere.invalid', ...flags])
const goldenKey = ['--gpg-import', join(golden, 'public-key.asc')]

/** No object, no ref, nothing half done. */
async function isEmpty(): Promise<void> {
  expect(await readdir(join(repo, 'objects'))).toEqual([])
  expect([...(await (await openRepo(nodeDir(repo))).listRefs()).keys()]).toEqual([])
  expect((await readdir(join(repo, 'tmp'))).filter((name) => name.startsWith('bootc-sdk'))).toEqual([])
}

describe('an image of ostree-remote-image:', () => {
  test('is pulled when the key of the remote has signed its commit', async () => {
    await addRemote(...goldenKey)
    const { code, stdout, stderr } = await pull()
    expect([code, stderr]).toEqual([0, expect.any(String)])
    expect(stdout).toContain('sha256:9a0a44c445ee1b39a1e0de641b15df390c088122de8badf1cb08aa64c8c3d4c0')
    expect(await (await openRepo(nodeDir(repo))).has('commit', base)).toBe(true)
  })

  test.each([
    ['is not signed by a key of it', async () => addRemote('--gpg-import', await strangeKey()), 'SIGNATURE'],
    ['is of a remote without keys', async () => addRemote(), 'SIGNATURE'],
    ['is of a remote that demands nothing', async () => addRemote('--no-gpg-verify'), 'REMOTE'],
    ['is of a remote that nobody knows', async () => undefined, 'REMOTE'],
    [
      'lacks the other kind of signature',
      async () =>
        addRemote(...goldenKey, '--sign-verify', `ed25519=inline:${(await World.make()).publicText('ed1')}`),
      'SIGNATURE',
    ],
  ])('is refused when it %s', async (_name, prepare, code) => {
    await prepare()
    const result = await pull()
    expect(result.code).toBe(1)
    expect(result.stderr).toContain(`[STORE_OSTREE_${code}]`)
    await isEmpty()
  })

  test('is refused when its commit has no signatures', async () => {
    await addRemote(...goldenKey)
    const plain = golden.replace('15-signed', '06-ostree-encapsulated')
    const result = await pull(`ostree-remote-image:rem:oci:${plain}/oci:latest`)
    expect(result.stderr).toContain('[STORE_OSTREE_SIGNATURE]')
    await isEmpty()
  })

  test('is refused when it was not made from a commit', async () => {
    await addRemote(...goldenKey)
    const plain = golden.replace('15-signed', '01-single-layer')
    const result = await pull(`ostree-remote-image:rem:oci:${plain}/oci:latest`)
    expect(result.stderr).toContain('[STORE_OSTREE_SIGNATURE]')
    await isEmpty()
  })

  test('is judged again when it came without being verified', async () => {
    expect((await pull(`ostree-unverified-image:oci:${golden}/oci:latest`)).code).toBe(0)
    await addRemote('--gpg-import', await strangeKey())
    const refused = await pull()
    expect(refused.stderr).toContain('[STORE_OSTREE_SIGNATURE]')
    // Under another name nothing is known of it but its layers.
    await cp(join(golden, 'oci'), join(dir, 'copy'), { recursive: true })
    const other = `ostree-remote-image:rem:oci:${dir}/copy:latest`
    expect((await pull(other)).stderr).toContain('[STORE_OSTREE_SIGNATURE]')
    await writeFile(join(repo, 'rem.trustedkeys.gpg'), await readFile(join(golden, 'public-key.asc')))
    expect((await pull()).code).toBe(0)
    expect((await pull(other)).code).toBe(0)
  })

  test('is refused by a store that has no commits', async () => {
    const composefs = join(dir, 'composefs')
    const result = await run(['image', 'pull', '--store', 'composefs', '--repo', composefs, image])
    expect(result.stderr).toContain('[IMAGE_POLICY_UNSUPPORTED]')
  })
})

async function strangeKey(): Promise<string> {
  const path = join(dir, 'strange.asc')
  await writeFile(path, (await World.make()).armored('strange'))
  return path
}
