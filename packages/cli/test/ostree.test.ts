import { execFileSync, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { run } from './capture.js'

/** The output of ours must be that of the real program, so it has to be there where it counts. */
const installed = spawnSync('ostree', ['--version']).status === 0
if (!installed && process.env['CI'] !== undefined) throw new Error('CI needs the ostree program')
// Skipped where the program that is compared with is not installed.
const withOstree = test.skipIf(!installed)

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A repository made by us with two commits on `main`. */
async function twoCommits(mode = 'bare-user'): Promise<{ dir: string; repo: string }> {
  const dir = await workspace()
  const repo = join(dir, 'repo')
  const tree = join(dir, 'tree')
  await ok('ostree', 'init', '--repo', repo, '--mode', mode)
  await mkdir(join(tree, 'sub/deeper'), { recursive: true })
  await writeFile(join(tree, 'a'), 'hi\n')
  await symlink('a', join(tree, 'l'))
  await writeFile(join(tree, 'sub/f'), 'x\n', { mode: 0o600 })
  const owner = ['--owner-uid', '0', '--owner-gid', '0']
  const first = [
    '-s',
    'First subject',
    '-m',
    'Body\ntwo',
    '--add-metadata-string',
    'version=1.2',
    '--timestamp',
    '@1600000000',
  ]
  await ok('ostree', 'commit', '--repo', repo, '-b', 'main', ...owner, ...first, tree)
  await writeFile(join(tree, 'a'), 'hi\nyou\n')
  await rm(join(tree, 'sub/f'))
  await writeFile(join(tree, 'new'), 'n\n')
  await ok('ostree', 'commit', '--repo', repo, '-b', 'main', ...owner, '--timestamp', '@1600000001', tree)
  return { dir, repo }
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** Both programs with the same arguments; ours must print the same. */
async function same(repo: string, verb: string, ...args: string[]): Promise<string> {
  const ours = await ok('ostree', verb, '--repo', repo, ...args)
  const theirs = execFileSync('ostree', [verb, `--repo=${repo}`, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  })
  // Refs come out of a hash table there.
  const order = (text: string): string => (verb === 'refs' ? text.split('\n').sort().join('\n') : text)
  expect(order(ours)).toBe(order(theirs))
  return ours
}

withOstree('ls, cat, log, show, refs, rev-parse, diff and config print what ostree prints', async () => {
  const { repo } = await twoCommits()
  await same(repo, 'ls', 'main')
  await same(repo, 'ls', '-R', '-C', '-X', 'main')
  await same(repo, 'ls', 'main', '/sub', '/a', 'l')
  await same(repo, 'ls', '-d', 'main', '/sub')
  await same(repo, 'ls', '-R', '--nul-filenames-only', 'main')
  await same(repo, 'cat', 'main', '/a', '/new')
  await same(repo, 'log', 'main')
  await same(repo, 'show', 'main')
  await same(repo, 'show', 'main^')
  await same(repo, 'show', '--print-metadata-key=version', 'main^')
  await same(repo, 'show', '--print-metadata-key=ostree.ref-binding', 'main')
  await same(repo, 'rev-parse', 'main', 'main^')
  await same(repo, 'diff', 'main^', 'main')
  await same(repo, 'config', 'get', 'core.mode')
  await ok('ostree', 'refs', '--repo', repo, '--create', 'x/y', 'main^')
  await same(repo, 'refs')
  await same(repo, 'refs', 'x')
  await same(repo, 'refs', '--list', 'x')
})

withOstree.each(['bare-user', 'archive'])(
  'real ostree finds nothing wrong with commits of ours (%s)',
  async (mode) => {
    const { repo } = await twoCommits(mode)
    execFileSync('ostree', ['fsck', '--quiet', `--repo=${repo}`])
    expect(await ok('ostree', 'fsck', '--repo', repo)).toContain('no errors found')
  },
)

withOstree('a summary of ours is read by ostree, and printed alike', async () => {
  const { repo } = await twoCommits('archive')
  await ok('ostree', 'summary', '--repo', repo, '-u')
  await same(repo, 'summary', '-v')
})

test('fsck names a damaged object and fails', async () => {
  const { repo } = await twoCommits('bare-user')
  const [line] = (await ok('ostree', 'ls', '--repo', repo, '-C', 'main', '/a')).split('\n')
  const checksum = /[0-9a-f]{64}/.exec(line!)![0]
  await writeFile(join(repo, 'objects', checksum.slice(0, 2), `${checksum.slice(2)}.file`), 'damaged')
  const { code, stderr } = await run(['ostree', 'fsck', '--repo', repo])
  expect(code).toBe(1)
  expect(stderr).toContain(`${checksum.slice(2)}.file is corrupt`)
  expect(stderr).toMatch(/\[STORE_FSCK_FAILED\]\n$/)
})

test('checkout writes the files, refuses what is there, and overwrites when told', async () => {
  const { dir, repo } = await twoCommits()
  const target = join(dir, 'out')
  await ok('ostree', 'checkout', '--repo', repo, '-U', 'main', target)
  expect(await readFile(join(target, 'a'), 'utf8')).toBe('hi\nyou\n')
  const again = await run(['ostree', 'checkout', '--repo', repo, '-U', 'main^', target])
  expect(again.code).toBe(1)
  expect(again.stderr).toMatch(/\[STORE_OSTREE_CHECKOUT_EXISTS\]\n$/)
  await ok('ostree', 'checkout', '--repo', repo, '-U', '--union', 'main^', target)
  expect(await readFile(join(target, 'a'), 'utf8')).toBe('hi\n')
  expect(await readFile(join(target, 'new'), 'utf8')).toBe('n\n')
})

test('pull-local and pull over HTTP copy commits; prune deletes what is left without a ref', async () => {
  const { dir, repo } = await twoCommits('archive')
  const copy = join(dir, 'copy')
  await ok('ostree', 'init', '--repo', copy, '--mode', 'bare-user')
  await ok('ostree', 'pull-local', '--repo', copy, repo, 'main')
  expect(await ok('ostree', 'rev-parse', '--repo', copy, 'main')).toBe(
    await ok('ostree', 'rev-parse', '--repo', repo, 'main'),
  )

  const server = createServer((request, response) => {
    readFile(join(repo, request.url!)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const remote = join(dir, 'remote')
  await ok('ostree', 'init', '--repo', remote, '--mode', 'archive')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await ok('ostree', 'remote', 'add', '--repo', remote, '--no-gpg-verify', 'origin', url)
  expect(await ok('ostree', 'pull', '--repo', remote, 'origin', 'main')).toMatch(/^\d+ objects fetched; /)
  expect(await ok('ostree', 'refs', '--repo', remote)).toBe('origin:main\n')

  await ok('ostree', 'refs', '--repo', copy, '--delete', 'main')
  const pruned = await ok('ostree', 'prune', '--repo', copy, '--refs-only')
  expect(pruned).toMatch(/^Total objects: \d+\nDeleted \d+ objects, .* freed\n$/)
  expect(await ok('ostree', 'prune', '--repo', copy, '--refs-only')).toContain('No unreachable objects')
})

test('unknown revisions, paths, keys and operations are errors with a code', async () => {
  const { repo } = await twoCommits()
  const failures = [
    [['log', 'nope'], 'STORE_OSTREE_NO_REV', 1],
    [['ls', 'main', '/nope'], 'TREE_NOT_FOUND', 1],
    [['cat', 'main', '/sub'], 'TREE_NOT_FILE', 1],
    [['config', 'get', 'a.b'], 'STORE_CONFIG_KEY_NOT_FOUND', 1],
    [['show', 'main', '--print-metadata-key', 'nope'], 'STORE_METADATA_KEY_NOT_FOUND', 1],
    [['refs', '--create', 'main', 'main^'], 'STORE_REF_EXISTS', 1],
  ] as const
  for (const [args, code, exit] of failures) {
    const result = await run(['ostree', args[0], '--repo', repo, ...args.slice(1)])
    expect(result.code, args.join(' ')).toBe(exit)
    expect(result.stderr).toMatch(new RegExp(`^error: .*\\[${code}\\]\\n$`))
  }
})

test('a repository that is none is refused with advice in the code', async () => {
  const dir = await workspace()
  await cp(new URL(import.meta.url), join(dir, 'file'))
  const { code, stderr } = await run(['ostree', 'refs', '--repo', dir])
  expect(code).toBe(1)
  expect(stderr).toMatch(/\[STORE_OSTREE_NOT_A_REPO\]\n$/)
})
