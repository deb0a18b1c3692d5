import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'
import { namelessFiles } from './nameless-files.js'

const installed = spawnSync('ostree', ['--version']).status === 0
if (!installed && process.env['CI'] !== undefined) throw new Error('CI needs the ostree program')

interface Place {
  readonly dir: string
  readonly repo: string
  readonly commit: string
}

/** A repository with one bootable-looking commit on `os`. */
async function place(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const [repo, tree] = [join(dir, 'repo'), join(dir, 'tree')]
  await mkdir(join(tree, 'usr/bin'), { recursive: true })
  await mkdir(join(tree, 'usr/etc'))
  await mkdir(join(tree, 'sysroot'))
  await writeFile(join(tree, 'usr/bin/sh'), '#!\n', { mode: 0o755 })
  await writeFile(join(tree, 'usr/bin/true'), '')
  await writeFile(join(tree, 'usr/etc/conf'), 'a=b\n')
  await symlink('usr/bin', join(tree, 'bin'))
  await ok('ostree', 'init', '--repo', repo, '--mode', 'archive')
  const fixed = ['--owner-uid', '0', '--owner-gid', '0', '--no-xattrs', '--timestamp', '@1600000000']
  const metadata = ['--add-metadata-string', 'version=7', '--add-metadata-string', 'my.key=mine']
  await ok('ostree', 'commit', '--repo', repo, '-b', 'os', '-s', 'Build 7', ...fixed, ...metadata, tree)
  return { dir, repo, commit: (await ok('ostree', 'rev-parse', '--repo', repo, 'os')).trim() }
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  expect(code, stderr).toBe(0)
  return stdout
}

const encapsulate = ['ostree', 'container', 'encapsulate', '--repo']

async function inspect(image: string, ...flags: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await ok('image', 'inspect', ...flags, image)) as Record<string, unknown>
}

test('a commit goes into an image and comes back as itself', async () => {
  const { dir, repo, commit } = await place()
  const digest = (await ok(...encapsulate, repo, 'os', `oci:${dir}/layout:7`)).trim()
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  const back = join(dir, 'back')
  await ok('image', 'pull', `oci:${dir}/layout:7`, '--repo', back, '--init', 'archive')
  expect(await ok('ostree', 'refs', '--repo', back, '--list', '-r')).toContain(commit)
  if (installed) execFileSync('ostree', [`--repo=${back}`, 'fsck', '-q'])
})

test('the same commit gives the same bytes, whatever it is written to', async () => {
  const { dir, repo, commit } = await place()
  const digests = [
    await ok(...encapsulate, repo, 'os', `oci:${dir}/a`),
    await ok(...encapsulate, repo, commit, `dir:${dir}/b`),
    await ok(...encapsulate, repo, 'os', `oci:${dir}/a:again`, '--quiet'),
  ]
  expect(new Set(digests).size).toBe(1)
})

test('labels, command, config and time are those that were asked for', async () => {
  const { dir, repo, commit } = await place()
  await writeFile(join(dir, 'config.json'), '{"Env": ["A=b"], "Labels": {"x": "1", "y": "2"}}')
  await ok(
    ...[...encapsulate, repo, 'os', `oci:${dir}/layout`, '-l', 'y=3', '--label', 'z=a=b'],
    ...['--config', `${dir}/config.json`, '--copymeta', 'my.key', '--copymeta-opt', 'none'],
    ...[
      '--cmd',
      '/usr/bin/sh',
      '--cmd',
      '-l',
      '--platform',
      'linux/arm64',
      '--created',
      '2024-01-02T03:04:05Z',
    ],
  )
  const wanted = {
    'my.key': 'mine',
    'org.opencontainers.image.version': '7',
    'ostree.commit': commit,
    x: '1',
    y: '3',
    z: 'a=b',
  }
  expect(await inspect(`oci:${dir}/layout`, '--config', '--platform', 'linux/arm64')).toMatchObject({
    architecture: 'arm64',
    created: '2024-01-02T03:04:05Z',
    config: { Cmd: ['/usr/bin/sh', '-l'], Env: ['A=b'], Labels: wanted },
    history: [{ created: '2024-01-02T03:04:05Z', created_by: 'Build 7' }],
  })
})

test('content metadata gives layers, and the build before tells which', async () => {
  const { dir, repo } = await place()
  const list = await ok('ostree', 'ls', '--repo', repo, '-R', '-C', 'os')
  const layers: Record<string, string> = {}
  const mapping: Record<string, string> = {}
  for (const [, checksum, path] of list.matchAll(/^[-l].* ([0-9a-f]{64}) (\/\S+)/gm)) {
    const id = path!.slice(1).replaceAll('/', '-')
    layers[`${id}-1`] = id
    mapping[checksum!] = `${id}-1`
  }
  expect(Object.keys(layers)).toHaveLength(4)
  await writeFile(join(dir, 'meta.json'), JSON.stringify({ version: 1, layers, mapping }))
  const meta = ['--contentmeta', `${dir}/meta.json`]
  await ok(...encapsulate, repo, 'os', `oci:${dir}/a`, ...meta)
  const components = async (image: string): Promise<unknown> => {
    const manifest = (await inspect(image, '--raw')) as { layers: { annotations?: Record<string, string> }[] }
    return manifest.layers.map(({ annotations }) => annotations?.['ostree.components'])
  }
  const first = [undefined, 'bin', 'usr-bin-sh', 'usr-bin-true', 'usr-etc-conf', '']
  expect(await components(`oci:${dir}/a`)).toEqual(first)
  await ok(...encapsulate, repo, 'os', `oci:${dir}/b`, ...meta, '--previous', `oci:${dir}/a`)
  expect(await components(`oci:${dir}/b`)).toEqual(first)
  const back = join(dir, 'back')
  await ok('image', 'pull', `oci:${dir}/b`, '--repo', back, '--init', 'archive')
  expect(await run([...encapsulate, repo, 'os', `oci:${dir}/c`, ...meta, '--max-layers', '3'])).toMatchObject(
    {
      code: 1,
    },
  )
})

test('an image that was pulled goes on as it was', async () => {
  const { dir, repo } = await place()
  const digest = (await ok(...encapsulate, repo, 'os', `oci:${dir}/layout:7`)).trim()
  const back = join(dir, 'back')
  await ok('image', 'pull', `oci:${dir}/layout:7`, '--repo', back, '--init', 'archive')
  const from = ['ostree', 'container', 'image', 'export', '--repo', back, `oci:${dir}/layout:7`]
  expect(await ok(...from, `oci:${dir}/again:8`)).toBe(`Exported: ${digest}\n`)
  expect((await readFile(join(dir, 'again/index.json'))).toString()).toContain(digest)
  expect(await run([...from.slice(0, -1), 'oci:/nowhere', `oci:${dir}/again:8`])).toMatchObject({ code: 2 })
})

test('what cannot be is said, and nothing is written', async () => {
  const { dir, repo } = await place()
  const target = `oci:${dir}/layout`
  await writeFile(join(dir, 'bad.json'), '{"version": 2}')
  await writeFile(join(dir, 'text.json'), 'no')
  const cases: [code: number, message: string, args: string[]][] = [
    [1, 'revision nothing does not exist', ['nothing', target]],
    [1, 'has no text under "missing"', ['os', target, '--copymeta', 'missing']],
    [1, 'version 2 is not known', ['os', target, '--contentmeta', `${dir}/bad.json`]],
    [2, 'is no JSON', ['os', target, '--config', `${dir}/text.json`]],
    [1, 'is of a wrong type', ['os', target, '--config', await config(dir, '{"Cmd": "x"}')]],
    [2, 'need --contentmeta', ['os', target, '--max-layers', '9']],
    [2, 'is not KEY=VALUE', ['os', target, '--label', 'x']],
    [2, 'is for gzip', ['os', target, '--compression', 'zstd', '--compression-fast']],
    [2, 'nothing can be written to docker-daemon:', ['os', 'docker-daemon:x:1']],
    [1, '', ['os', `oci:${dir}/text.json`]],
  ]
  for (const [code, message, args] of cases) {
    const result = await run([...encapsulate, repo, ...args])
    expect({ args, code: result.code }).toEqual({ args, code })
    expect(result.stderr).toContain(message)
  }
  await expect(readFile(join(dir, 'layout/index.json'))).rejects.toThrow()
  expect((await readFile(join(dir, 'text.json'))).toString()).toBe('no')
})

test('what was written for an archive that could not be made is let go of', async () => {
  const { dir, repo } = await place()
  await mkdir(join(dir, 'taken'))
  const { code, stderr } = await run([...encapsulate, repo, 'os', `oci-archive:${dir}/taken`])
  expect([code, stderr]).toEqual([1, expect.stringContaining('EISDIR')])
  expect(await namelessFiles(dir)).toEqual([])
})

async function config(dir: string, text: string): Promise<string> {
  await writeFile(join(dir, 'typed.json'), text)
  return join(dir, 'typed.json')
}
