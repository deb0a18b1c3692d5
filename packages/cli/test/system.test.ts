import { appendFile, mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostSchema, parseBootcHost, type BootcHost } from '@bootc-sdk/core/host-api'
import { nodeHost } from '@bootc-sdk/core/node'
import { bootableImage, serveRegistry, type RegistryServer } from '@bootc-sdk/core/testing'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { problems } from '../../core/test/host-api/validate.js'
import { run } from './capture.js'
import { removeTree } from './remove-tree.js'

const image = (version: number) => bootableImage({ version, architecture: nodeHost().arch })

interface World {
  readonly dir: string
  readonly registry: RegistryServer
  /** `127.0.0.1:PORT/os:stable`, version 1 at first. */
  readonly name: string
  /** Move the tag. */
  publish(version: number): void
}

async function world(): Promise<World> {
  const work = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => removeTree(work))
  const dir = join(work, 'sysroot')
  await mkdir(dir)
  const registry = await serveRegistry({ 'os:stable': image(1) })
  onTestFinished(() => registry.close())
  return {
    dir,
    registry,
    name: `${registry.host}/os:stable`,
    publish: (version) => registry.push('os', 'stable', image(version)),
  }
}

const insecure = '--tls-verify=false'

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  expect(code, `${args.join(' ')}: ${stderr}`).toBe(0)
  return stdout
}

async function installed(): Promise<World> {
  const made = await world()
  await ok(
    'install',
    'to-filesystem',
    insecure,
    '--source-imgref',
    `docker://${made.name}`,
    '--karg',
    'root=LABEL=x',
    made.dir,
  )
  return made
}

async function status(dir: string): Promise<BootcHost> {
  const document: unknown = JSON.parse(await ok('status', '--sysroot', dir, '--json'))
  expect(problems(hostSchema, document)).toEqual([])
  return parseBootcHost(document)
}

/** What boots next: with nothing running it comes first among the others. */
function nextBoot(host: BootcHost): string | null | undefined {
  return host.status.otherDeployments?.[0]?.image?.version
}

test('status of an empty directory is the empty host, byte for byte', async () => {
  const { dir } = await world()
  expect(await ok('status', '--sysroot', dir, '--json')).toBe(
    '{"apiVersion":"org.containers.bootc/v1","kind":"BootcHost","metadata":{"name":"host"},"spec":{"bootOrder":"default","image":null},"status":{"booted":null,"readOnly":false,"rollback":null,"rollbackQueued":false,"staged":null,"type":null,"usrOverlay":null}}',
  )
  expect(await ok('status', '--sysroot', dir, '--format', 'humanreadable')).toBe(
    'System is not deployed via bootc.\n',
  )
})

test('install, upgrade, switch and rollback tell what they did, and status agrees', async () => {
  const { dir, registry, name, publish } = await world()
  const install = await ok(
    'install',
    'to-filesystem',
    insecure,
    '--store',
    'ostree',
    '--bootloader',
    'grub',
    '--source-imgref',
    `docker://${name}`,
    '--karg',
    'root=LABEL=x',
    '--karg',
    'debug',
    '--karg-delete',
    'quiet',
    dir,
  )
  expect(install).toMatch(
    /^Installing image: docker:\/\/.*\nlayers already present: 0; layers needed: 3 \(.*\)\nFetched layers: .*\nDigest: sha256:[0-9a-f]{64}\nBootloader: grub\nInstallation complete!\n$/,
  )
  const [entry] = await readdir(join(dir, 'boot/loader/entries'))
  const options = /^options (.*)$/m
    .exec(await readFile(join(dir, 'boot/loader/entries', entry!), 'utf8'))![1]!
    .split(' ')
  expect(options).toEqual(expect.arrayContaining(['root=LABEL=x', 'debug', 'rw', 'console=ttyS0']))
  expect(options).not.toContain('quiet')
  expect(nextBoot(await status(dir))).toBe('1')

  expect(await ok('upgrade', '--sysroot', dir, insecure, '--check')).toBe(`No changes in: docker://${name}\n`)
  expect(await ok('upgrade', '--sysroot', dir, insecure)).toMatch(
    /^No changes in docker:\/\/.* => sha256:.*\nNo update available.\n$/,
  )
  publish(2)
  const check = await ok('upgrade', '--sysroot', dir, insecure, '--check')
  expect(check).toMatch(
    /^Update available for: docker:\/\/.*\n {2}Version: 2\n {2}Digest: sha256:.*\nTotal new layers: 3 {5}Size: .*\nRemoved layers: {3}1 {5}Size: .*\nAdded layers: {5}1 {5}Size: .*\n$/,
  )
  expect(nextBoot(await status(dir))).toBe('1')

  const upgrade = await ok('update', '--sysroot', dir, insecure)
  expect(upgrade).toContain('layers already present: 2; layers needed: 1')
  expect(upgrade).toContain(`Queued for next boot: docker://${name}\n  Version: 2\n`)
  expect(nextBoot(await status(dir))).toBe('2')
  expect((await status(dir)).status.rollback?.image?.version).toBe('1')

  expect(await ok('rollback', '--sysroot', dir)).toBe('Next boot: rollback deployment\n')
  expect(nextBoot(await status(dir))).toBe('1')

  registry.push('other', 'edge', image(3))
  const other = `${registry.host}/other:edge`
  expect(await ok('switch', '--sysroot', dir, insecure, other)).toContain(
    `Queued for next boot: docker://${other}\n`,
  )
  const host = await status(dir)
  expect(nextBoot(host)).toBe('3')
  expect(host.spec.image).toEqual({ image: other, transport: 'registry' })
  expect(await ok('switch', '--sysroot', dir, insecure, other)).toBe('Image specification is unchanged.\n')
  expect(await ok('upgrade', '--sysroot', dir, insecure, '--tag', 'edge', '--check')).toContain(
    'No changes in: ',
  )
})

test('YAML and JSON of status are the same document, in bootc order', async () => {
  const { dir } = await installed()
  const yaml = await ok('status', '--sysroot', dir)
  expect(parse(yaml)).toEqual(JSON.parse(await ok('status', '--sysroot', dir, '--json')))
  expect(yaml).toMatch(
    /^apiVersion: org.containers.bootc\/v1\nkind: BootcHost\nmetadata:\n {2}name: host\nspec:\n {2}image:\n/,
  )
  expect(await ok('status', '--sysroot', dir, '--format-version', '0', '--booted', '--json')).toContain(
    '"rollback":null',
  )
})

test('text of status names the image, and more with --verbose', async () => {
  const { dir, name } = await installed()
  const text = await ok('status', '--sysroot', dir, '--format', 'humanreadable')
  expect(text).toContain(`image: ${name}\n`)
  expect(text).not.toContain('StateRoot')
  expect(await ok('status', '-v', '--sysroot', dir, '--format', 'humanreadable')).toContain(
    'StateRoot: default\n',
  )
  const { stdout } = await run(['status', '--sysroot', dir], { terminal: true })
  expect(stdout).toBe(text)
})

test('edit follows the document it is given; unchanged documents change nothing', async () => {
  const { dir, registry, name } = await installed()
  registry.push('os', 'next', image(2))
  const file = join(dir, '..', 'host.yaml')
  const document = await ok('status', '--sysroot', dir)
  await writeFile(file, document)
  expect(await ok('edit', '--sysroot', dir, insecure, '-f', file)).toBe('Edit cancelled, no changes made.\n')
  await writeFile(file, document.replace(`image: ${name}`, `image: ${registry.host}/os:next`))
  expect(await ok('edit', '--sysroot', dir, insecure, '--filename', file)).toContain('  Version: 2\n')
  const { code, stdout } = await run(['edit', '--sysroot', dir, insecure, '-f', '-'], {
    stdin: await ok('status', '--sysroot', dir),
  })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Edit cancelled, no changes made.\n' })
})

test('edit opens the editor of EDITOR on the current document', async () => {
  const { dir, registry } = await installed()
  registry.push('os', 'next', image(2))
  const editor = join(dir, '..', 'editor.mjs')
  await writeFile(
    editor,
    `import { readFileSync, writeFileSync } from 'node:fs'
     const file = process.argv.at(-1)
     writeFileSync(file, readFileSync(file, 'utf8').replace('os:stable', 'os:next'))`,
  )
  const args = ['edit', '--sysroot', dir, insecure]
  const { code, stdout, stderr } = await run(args, { env: { EDITOR: `${process.execPath} ${editor}` } })
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('/os:next\n  Version: 2\n')
  const failed = await run(args, { env: { EDITOR: 'false' } })
  expect(failed.stderr).toMatch(/\[HOST_EDITOR_FAILED\]\n$/)
})

test('the local change of /etc survives the upgrade', async () => {
  const { dir, publish } = await installed()
  const deployments = join(dir, 'ostree/deploy/default/deploy')
  const [first] = (await readdir(deployments)).filter((name) => !name.endsWith('.origin'))
  await appendFile(join(deployments, first!, 'etc/hostname'), 'changed\n')
  publish(2)
  await ok('upgrade', '--sysroot', dir, insecure)
  const [second] = (await readdir(deployments)).filter((name) => !name.endsWith('.origin') && name !== first)
  expect(await readFile(join(deployments, second!, 'etc/hostname'), 'utf8')).toContain('changed\n')
  expect(await readFile(join(deployments, second!, 'etc/app.conf'), 'utf8')).toContain('level = 2')
})

test('prune and finalize-staged say when there is nothing to do', async () => {
  const { dir } = await installed()
  expect(await ok('finalize-staged', '--sysroot', dir)).toBe('Nothing is staged\n')
  expect(await ok('prune', '--sysroot', dir)).toBe('Nothing to prune\n')
})

test('switch --mutate-in-place only rewrites the origin', async () => {
  const { dir } = await installed()
  expect(await ok('switch', '--sysroot', dir, '--mutate-in-place', 'quay.io/example/os:1')).toMatch(
    /^Updated \S+ to pull from docker:\/\/quay.io\/example\/os:1\n$/,
  )
  expect((await status(dir)).spec.image).toEqual({ image: 'quay.io/example/os:1', transport: 'registry' })
})

test('what cannot be done is one line with a code', async () => {
  const { dir, registry } = await installed()
  const failures = [
    [['rollback', '--sysroot', dir], 'DEPLOY_NO_ROLLBACK'],
    [['upgrade', '--sysroot', dir, '--from-downloaded'], 'DEPLOY_NOTHING_STAGED'],
    [['switch', '--sysroot', dir, insecure, `${registry.host}/os:missing`], 'TRANSPORT_NOT_FOUND'],
    [
      ['switch', '--sysroot', dir, insecure, '--enforce-container-sigpolicy', `${registry.host}/os:stable`],
      // Whichever policy this machine has, it says nothing for this image.
      'IMAGE_POLICY_(?:REJECTED|MISSING)',
    ],
  ] as const
  for (const [args, code] of failures) {
    const result = await run(args)
    expect(result.code, args.join(' ')).toBe(1)
    expect(result.stderr).toMatch(new RegExp(`^error: [^\\n]*\\[${code}\\]\\n$`))
  }
  expect(nextBoot(await status(dir))).toBe('1')
})

test('an interrupted upgrade fails with the reason and leaves the system as it was', async () => {
  const { dir, publish } = await installed()
  publish(2)
  const reason = new Error('interrupted by SIGINT')
  const { code, stderr } = await run(['upgrade', '--sysroot', dir, insecure], {
    signal: AbortSignal.abort(reason),
  })
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: interrupted by SIGINT\n' })
  expect(nextBoot(await status(dir))).toBe('1')
  await ok('upgrade', '--sysroot', dir, insecure)
  expect(nextBoot(await status(dir))).toBe('2')
})
