import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { containersImageStore } from '@bootc-sdk/containers-storage'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import {
  bootableImage,
  buildImage,
  dir as directory,
  file,
  serveRegistry,
  symlink,
  whiteout,
  type BuiltImage,
} from '@bootc-sdk/core/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { run } from './capture.js'
import { removeTree } from './remove-tree.js'

const isRoot = process.getuid?.() === 0
if (!isRoot && process.env['CI']) throw new Error('cannot be tested: not root')

const units = 'usr/share/containers/systemd'

function boundTo(version: number, images: readonly string[]): BuiltImage {
  return bootableImage({
    version,
    architecture: nodeHost().arch,
    extraLayers: [
      {
        entries: [
          ...['usr/share/containers', units, 'usr/lib/bootc/bound-images.d'].map((path) => directory(path)),
          ...images.flatMap((name, index) => [
            file(`${units}/${index}.image`, `[Image]\nImage=${name}\n`),
            symlink(`usr/lib/bootc/bound-images.d/${index}.image`, `/${units}/${index}.image`),
          ]),
        ],
      },
    ],
  })
}

const app = (text: string) =>
  buildImage({
    architecture: nodeHost().arch,
    layers: [{ entries: [file('app', text), file('old')] }, { entries: [whiteout('old')] }],
  })

async function world() {
  const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-bound-'))
  onTestFinished(() => removeTree(work))
  const dir = join(work, 'sysroot')
  await mkdir(dir)
  const registry = await serveRegistry({ 'app:1': app('one'), 'app:2': app('two') })
  onTestFinished(() => registry.close())
  const name = (tag: string) => `${registry.host}/app:${tag}`
  registry.push('os', 'stable', boundTo(1, [name('1')]))
  return { work, dir, registry, name, os: `docker://${registry.host}/os:stable` }
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0)
  return stdout
}

const insecure = '--tls-verify=false'

describe.skipIf(!isRoot)('bound images (skipped without root)', () => {
  test.each(['ostree', 'composefs'])('install, upgrade and list with %s', async (store) => {
    const { dir, os, name, registry } = await world()
    const verity = store === 'composefs' ? ['--allow-missing-verity'] : []
    const install = ['install', 'to-filesystem', insecure, '--store', store, ...verity, '--source-imgref', os]
    const root = ['--karg', 'root=LABEL=x', dir]
    const installed = await ok(...install, '--bound-images', 'pull', ...root)
    expect(installed).toContain('Bound images stored: 1\n')
    const place = store === 'ostree' ? 'ostree/bootc/storage' : 'composefs/bootc/storage'
    const storage = containersImageStore(nodeDir(join(dir, place)))
    const find = (tag: string) => storage.lookup({ transport: 'registry', name: name(tag) })
    expect((await find('1'))?.manifestDigest).toBe(app('one').manifestDigest)
    expect(await ok('image', 'list', '--sysroot', dir, '--type', 'logical')).toBe(
      ` REPOSITORY${' '.repeat(name('1').length - 10)}  TYPE \n ${name('1')}  logical \n`,
    )
    expect(JSON.parse(await ok('image', 'list', '--sysroot', dir, '--format', 'json'))).toEqual([
      { image_type: 'host', image: os },
      { image_type: 'logical', image: name('1') },
    ])

    registry.push('os', 'stable', boundTo(2, [name('1'), name('2')]))
    expect(await ok('upgrade', insecure, '--sysroot', dir)).toContain('Bound images stored: 2\n')
    expect((await find('2'))?.manifestDigest).toBe(app('two').manifestDigest)

    registry.push('os', 'stable', boundTo(3, [`${registry.host}/none:1`]))
    const failed = await run(['upgrade', insecure, '--sysroot', dir])
    expect(failed.code).not.toBe(0)
    expect(failed.stderr).toContain(`bound image ${registry.host}/none:1 (0.image)`)
    expect(await ok('image', 'list', '--sysroot', dir, '--type', 'logical')).toContain(name('2'))
  })

  test('install takes them from podman\u2019s storage of this machine, and says what is missing there', async () => {
    const { work, dir, os, name } = await world()
    const conf = join(work, 'storage.conf')
    const main = join(work, 'main')
    await nodeDir(work).write(
      'storage.conf',
      Buffer.from(`[storage]\ndriver = "overlay"\ngraphroot = "${main}"\n`),
    )
    process.env['CONTAINERS_STORAGE_CONF'] = conf
    onTestFinished(() => void delete process.env['CONTAINERS_STORAGE_CONF'])
    const args = ['install', 'to-filesystem', insecure, '--source-imgref', os, '--karg', 'root=LABEL=x', dir]
    const missing = await run(args)
    expect(missing.code).not.toBe(0)
    expect(missing.stderr).toContain(`bound image ${name('1')} (0.image)`)

    await ok('image', 'copy', insecure, `docker://${name('1')}`, `containers-storage:${name('1')}`)
    expect(await ok(...args)).toContain('Bound images stored: 1\n')
    const storage = containersImageStore(nodeDir(join(dir, 'ostree/bootc/storage')))
    const stored = await storage.lookup({ transport: 'registry', name: name('1') })
    expect(stored?.manifestDigest).toBe(app('one').manifestDigest)

    // The other way round, and what is not bound goes with the next clean-up.
    await ok('image', 'copy', insecure, `docker://${name('2')}`, `containers-storage:${name('2')}`)
    const scopes = { 'containers-storage': { '': [{ type: 'reject' }] } }
    const policy = { default: [{ type: 'insecureAcceptAnything' }], transports: scopes }
    await writeFile(join(work, 'policy.json'), JSON.stringify(policy))
    vi.stubEnv('CONTAINERS_POLICY_JSON', join(work, 'policy.json'))
    onTestFinished(() => void vi.unstubAllEnvs())
    const refused = await run(['image', 'pull-from-default-storage', '--sysroot', dir, name('2')])
    expect(refused.stderr).toContain('IMAGE_POLICY_REJECTED')
    expect(await storage.lookup({ transport: 'registry', name: name('2') })).toBeUndefined()
    vi.unstubAllEnvs()
    await ok('image', 'pull-from-default-storage', '--sysroot', dir, name('2'))
    expect(await storage.lookup({ transport: 'registry', name: name('2') })).toBeDefined()
    await ok('prune', '--sysroot', dir)
    expect(await storage.lookup({ transport: 'registry', name: name('2') })).toBeUndefined()
    expect(await storage.lookup({ transport: 'registry', name: name('1') })).toBeDefined()

    await ok('image', 'copy-to-storage', '--sysroot', dir, '--target', 'localhost/system:1')
    const images = await readFile(join(main, 'overlay-images/images.json'), 'utf8')
    expect(images).toContain('localhost/system:1')
  })

  test('skip leaves them out', async () => {
    const { dir, os } = await world()
    const args = ['--source-imgref', os, '--bound-images', 'skip', '--karg', 'root=LABEL=x', dir]
    expect(await ok('install', 'to-filesystem', insecure, ...args)).not.toContain('Bound images')
  })

  test('copy-to-storage with a store that keeps layers', async () => {
    const { work, dir, os } = await world()
    const args = [
      '--store',
      'composefs',
      '--allow-missing-verity',
      '--source-imgref',
      os,
      '--bound-images',
      'skip',
    ]
    await ok('install', 'to-filesystem', insecure, ...args, '--karg', 'root=LABEL=x', dir)
    const target = `containers-storage:[overlay@${work}/main+${work}/run]localhost/system:1`
    const printed = await ok('image', 'copy-to-storage', '--sysroot', dir, '--target', target)
    expect(printed).toMatch(/^Exported: sha256:[0-9a-f]{64}\n$/)
    const storage = containersImageStore(nodeDir(join(work, 'main')))
    const stored = await storage.lookup({ transport: 'registry', name: 'localhost/system:1' })
    expect(stored?.configDigest).toBe(
      boundTo(1, [os.replace('docker://', '').replace('os:stable', 'app:1')]).configDigest,
    )
  })
})
