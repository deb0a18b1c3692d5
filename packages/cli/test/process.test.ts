import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import nodeModule from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bootableImage, serveRegistry } from '@bootc-sdk/core/testing'
import { nodeHost } from '@bootc-sdk/core/node'
import { expect, onTestFinished, test as plainTest } from 'vitest'

import { removeTree } from './remove-tree.js'

const main = fileURLToPath(new URL('../bin/bootc-sdk.js', import.meta.url))
const built = existsSync(new URL('../dist/main.js', import.meta.url))
if (!built && process.env['CI'] !== undefined) throw new Error('the command is not built: npm run build')
// Skipped where nothing is built yet: these tests are about the built command as a process.
const test = plainTest.skipIf(!built)

test('the built command prints its version and help', () => {
  expect(spawnSync(main, ['--version'], { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stdout: 'bootc-sdk 0.1.0\n',
  })
  expect(spawnSync(main, ['help', 'image', 'pull'], { encoding: 'utf8' }).stdout).toContain('--init <mode>')
  expect(spawnSync(main, ['nope'], { encoding: 'utf8' }).status).toBe(2)
})

test('compiled modules are kept in the cache of the command alone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => removeTree(dir))
  const env = { PATH: process.env['PATH'], TMPDIR: dir, CACHE_DIRECTORY: join(dir, 'cache') }
  expect(spawnSync(main, ['--version'], { env }).status).toBe(0)
  const keeps = 'enableCompileCache' in nodeModule
  expect(readdirSync(dir)).toEqual(keeps ? ['cache'] : [])
})

test('a reader that goes away early is no crash', () => {
  const shell = spawnSync('bash', ['-c', `set -o pipefail; "$1" completion bash | head -n 1`, 'bash', main], {
    encoding: 'utf8',
  })
  expect(shell).toMatchObject({ status: 0, stderr: '' })
})

async function slowRegistry(): Promise<{ dir: string; args: string[] }> {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => removeTree(dir))
  const registry = await serveRegistry({
    'os:1': bootableImage({ version: 1, architecture: nodeHost().arch }),
  })
  onTestFinished(() => registry.close())
  return { dir, args: ['install', 'to-filesystem', '--source-imgref', `docker://${registry.host}/os:1`, dir] }
}

interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  fd3: string
}

function start(
  args: readonly string[],
  whenFirstOutput?: (kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(main, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
    const text = ['', '', '', '']
    child.stdio.forEach((stream, index) => {
      stream?.on('data', (chunk: Buffer) => {
        if (text.every((one) => one === '')) whenFirstOutput?.((signal) => child.kill(signal))
        text[index] += chunk.toString('utf8')
      })
    })
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: text[1]!, stderr: text[2]!, fd3: text[3]! }),
    )
  })
}

test('--progress-fd gets the protocol as JSON lines, beginning with its version', async () => {
  const { args } = await slowRegistry()
  const { code, stderr, fd3 } = await start([...args, '--progress-fd', '3', '--quiet'])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const lines = fd3
    .trimEnd()
    .split('\n')
    .map(
      (line) =>
        JSON.parse(line) as {
          type: string
          version?: string
          task?: string
          bytes?: number
          bytesTotal?: number
        },
    )
  expect(lines[0]).toEqual({ type: 'Start', version: '0.1.0' })
  const pulling = lines.filter(({ task }) => task === 'pulling')
  expect(pulling.at(-1)!.bytes).toBe(pulling.at(-1)!.bytesTotal)
  expect(lines.some(({ task }) => task === 'importing')).toBe(true)
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops an operation, and the process dies by it',
  async (name) => {
    const { args } = await slowRegistry()
    const { signal, stderr } = await start(args, (kill) => kill(name))
    expect(signal).toBe(name)
    expect(stderr).toContain(`error: interrupted by ${name}\n`)
    expect((await start(args)).code).toBe(0)
  },
)
