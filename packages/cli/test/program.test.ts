import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { buildProgram } from '../src/program.js'
import { capture, run } from './capture.js'

test('--version prints name and version', async () => {
  expect(await run(['--version'])).toEqual({ code: 0, stdout: 'bootc-sdk 0.1.0\n', stderr: '' })
})

test('--help lists every command and succeeds', async () => {
  const { code, stdout, stderr } = await run(['--help'])
  expect(code).toBe(0)
  expect(stderr).toBe('')
  for (const name of [
    'status',
    'upgrade|update',
    'switch',
    'rollback',
    'edit',
    'install',
    'image',
    'ostree',
    'completion',
  ]) {
    expect(stdout).toContain(`\n  ${name} `)
  }
})

test('help of a command explains it and shows its options', async () => {
  const { code, stdout } = await run(['upgrade', '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('--download-only')
  expect(stdout).toContain('--sysroot <dir>')
  expect(stdout).toContain('--verbose')
})

test('help finds commands inside commands', async () => {
  const { code, stdout } = await run(['help', 'image', 'pull'])
  expect(code).toBe(0)
  expect(stdout).toContain('--init <mode>')
  expect((await run(['help', 'update'])).stdout).toContain('--download-only')
  expect((await run(['help', 'image', 'nope'])).code).toBe(2)
})

test('every command has a summary, and every option an explanation', () => {
  const program = buildProgram(
    {
      out: capture(false),
      err: capture(false),
      env: {},
      stdin: none(),
      signal: new AbortController().signal,
    },
    { code: 0 },
  )
  const visit = (command: typeof program, path: string): void => {
    if (path !== 'bootc-sdk') expect(command.summary(), path).toMatch(/^[A-Z].*[^.]$/)
    for (const option of command.options) expect(option.description, `${path} ${option.flags}`).not.toBe('')
    for (const child of command.commands) visit(child, `${path} ${child.name()}`)
  }
  visit(program, 'bootc-sdk')
})

async function* none(): AsyncGenerator<string> {}

test.each([
  [['frobnicate']],
  [['status', '--frobnicate']],
  [['status', '--format', 'xml']],
  [['status', '--format-version', 'x']],
  [['switch']],
  [['upgrade', '--check', '--apply']],
  [['upgrade', '--download-only', '--from-downloaded']],
  [['upgrade', '--check', '--download-only']],
  [['image', 'pull', 'oci:/x']],
  [['install', 'to-filesystem', '/x']],
  [['ostree', 'config', '--repo', '/x', 'set', 'core.mode']],
  [['completion', 'tcsh']],
  [[]],
])('%j is an argument error: exit code 2, nothing on stdout', async (args) => {
  const { code, stdout, stderr } = await run(args)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).not.toBe('')
})

test('a run-time error is one line with its code on stderr and exit code 1', async () => {
  const { code, stdout, stderr } = await run(['status', '--format-version', '2'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toBe('error: Unsupported format version: 2 [HOST_UNSUPPORTED_FORMAT_VERSION]\n')
})

test('--verbose prints the chain of causes instead', async () => {
  const { stderr } = await run(['-v', 'status', '--format-version', '2'])
  expect(stderr).toBe('error: Unsupported format version: 2 [HOST_UNSUPPORTED_FORMAT_VERSION]\n')
})

test('the error label is red on a terminal unless NO_COLOR is set', async () => {
  const args = ['status', '--format-version', '2']
  expect((await run(args, { terminal: true })).stderr).toMatch(/^\u001b\[31merror: \u001b\[0m/)
  expect((await run(args, { terminal: true, env: { NO_COLOR: '1' } })).stderr).toMatch(/^error: /)
})

test('a bad image reference is refused before anything is touched', async () => {
  const { code, stderr } = await run(['switch', '--sysroot', '/nonexistent', 'UPPER/case'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^error: .*\[IMAGE_REFERENCE_INVALID\]\n$/)
})

test('a sysroot that is not there is an error in one line', async () => {
  const { code, stderr } = await run(['status', '--sysroot', '/nonexistent/x'])
  expect(code).toBe(1)
  expect(stderr.split('\n')).toHaveLength(2)
})

test.each([0, 1, 2])('progress on descriptor %d is an argument error', async (fd) => {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const { code, stderr } = await run(['upgrade', '--sysroot', dir, '--progress-fd', String(fd)])
  expect({ code, stderr }).toEqual({ code: 2, stderr: `error: Cannot use fd ${fd} for progress JSON\n` })
})

test('progress on a descriptor that is not open is a run-time error', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const { code, stderr } = await run(['upgrade', '--sysroot', dir, '--progress-fd', '987'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/^error: Cannot use fd 987 for progress JSON/)
})
