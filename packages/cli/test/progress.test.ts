import { closeSync, openSync, readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProgressEvent } from '@bootc-sdk/core'
import { expect, onTestFinished, test } from 'vitest'
import { barLines } from '../src/progress/bars.js'
import { startProgress } from '../src/progress/progress.js'
import { plainLine } from '../src/progress/plain.js'
import { progressFd } from '../src/progress/progress-fd.js'
import { advance, emptyState } from '../src/progress/state.js'
import { capture } from './capture.js'

const a = `sha256:${'a'.repeat(64)}` as const
const b = `sha256:${'b'.repeat(64)}` as const
const c = `sha256:${'c'.repeat(64)}` as const

const pull: readonly ProgressEvent[] = [
  {
    type: 'pull:resolved',
    detail: {
      manifestDigest: c,
      layers: [
        { digest: a, sizeBytes: 1_000_000, present: false },
        { digest: b, sizeBytes: 3_000_000, present: false },
        { digest: c, sizeBytes: 500, present: true },
      ],
    },
  },
  { type: 'pull:layer', detail: { id: a, bytes: 500_000, totalBytes: 1_000_000, cachedBytes: 0 } },
  { type: 'pull:layer', detail: { id: a, bytes: 1_000_000, totalBytes: 1_000_000, cachedBytes: 0 } },
  { type: 'import:layer', detail: { id: a, entries: 12, done: true } },
  { type: 'pull:retry', detail: { id: b, attempt: 2, waitMs: 1500, reason: 'socket\nclosed' } },
  { type: 'pull:layer', detail: { id: b, bytes: 3_000_000, totalBytes: 3_000_000, cachedBytes: 0 } },
  { type: 'import:layer', detail: { id: b, entries: 7, done: true } },
  { type: 'import:merge', detail: { done: false } },
  { type: 'import:merge', detail: { done: true } },
]

const cliOf = (terminal: boolean, env: Record<string, string> = {}) => ({
  out: capture(false),
  err: capture(terminal),
  env,
  stdin: (async function* () {})(),
  signal: new AbortController().signal,
})

test('bars show layers that move and the sum over all', () => {
  const state = pull.slice(0, 2).reduce(advance, emptyState)
  const [sum, layer, ...rest] = barLines(state, 1000, 120)
  expect(sum).toMatch(/^Fetching █{3}░{21} {2}12% 0\/2 layers {2}500.0 kB \/ 4.0 MB {2}500.0 kB\/s$/)
  expect(layer).toMatch(/^ {2}sha256:aaaaaaaaaaaa █{12}░{12} {2}50% 1.0 MB$/)
  expect(rest).toEqual([])
})

test('a download that goes on starts where it ended', () => {
  const event = {
    type: 'pull:resumed',
    detail: { id: a, keptBytes: 250_000, totalBytes: 1_000_000 },
  } as const
  expect(plainLine(event, emptyState)).toBe('resuming sha256:aaaaaaaaaaaa at 250.0 kB of 1.0 MB')
  expect(advance(emptyState, event).layers.get(a)).toMatchObject({ bytes: 250_000, totalBytes: 1_000_000 })
})

test('lines never reach the width of the terminal', () => {
  const state = pull.slice(0, 5).reduce(advance, emptyState)
  for (const line of barLines(state, 1000, 30)) expect([...line].length).toBeLessThan(30)
})

test('a retry is shown in one line until its layer moves again', () => {
  const retrying = pull.slice(0, 5).reduce(advance, emptyState)
  expect(barLines(retrying, 1, 120).at(-1)).toContain('socket\\nclosed')
  const moving = advance(retrying, pull[5]!)
  expect(barLines(moving, 1, 120).join('\n')).not.toContain('socket')
})

test('a log gets a line for each thing that ended, and stdout the summary', async () => {
  const cli = cliOf(false)
  const progress = startProgress(cli, { summary: true })
  for (const event of pull) progress.onEvent(event)
  await progress.finish()
  expect(cli.err.text()).toBe(
    'imported sha256:aaaaaaaaaaaa (1.0 MB), 12 entries\n' +
      'retry 2 of sha256:bbbbbbbbbbbb in 1.5 s: socket\\nclosed\n' +
      'imported sha256:bbbbbbbbbbbb (3.0 MB), 7 entries\n' +
      'merged layers\n',
  )
  expect(cli.out.text()).toMatch(
    /^layers already present: 1; layers needed: 2 \(4.0 MB\)\nFetched layers: 4.0 MB in \d.* \(.*\/s\)\n$/,
  )
})

test('--quiet prints nothing on stderr', () => {
  for (const terminal of [true, false]) {
    const cli = cliOf(terminal)
    const progress = startProgress(cli, { quiet: true })
    for (const event of pull) progress.onEvent(event)
    expect(cli.err.text()).toBe('')
  }
})

test('on a terminal what was drawn is taken away at the end', async () => {
  const cli = cliOf(true)
  const progress = startProgress(cli, {})
  for (const event of pull.slice(0, 3)) progress.onEvent(event)
  await progress.finish()
  const drawn = cli.err.text()
  expect(drawn).toContain('Fetching')
  expect(drawn.endsWith('\u001b[J')).toBe(true)
})

test('a dumb terminal gets plain lines', () => {
  const cli = cliOf(true, { TERM: 'dumb' })
  const progress = startProgress(cli, {})
  for (const event of pull) progress.onEvent(event)
  expect(cli.err.text()).not.toContain('\u001b[')
})

test('--progress-fd lines arrive whole; a reader that goes away costs one line on stderr', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bootc-sdk-cli-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const fifo = join(dir, 'fifo')
  execFileSync('mkfifo', [fifo])
  // Opening for both directions does not block, and keeps a reader until it is closed.
  const reader = openSync(fifo, 'r+')
  const writer = openSync(fifo, 'w')
  const cli = cliOf(false)
  const { onEvent, finish } = progressFd(cli, writer, (event) => [
    JSON.stringify({ type: event.type, ä: 'ä' }),
  ])
  onEvent(pull[0]!)
  onEvent(pull[1]!)
  await finish()
  const buffer = Buffer.alloc(200)
  const { readSync } = await import('node:fs')
  const text = buffer.toString('utf8', 0, readSync(reader, buffer))
  expect(text).toBe('{"type":"pull:resolved","ä":"ä"}\n{"type":"pull:layer","ä":"ä"}\n')
  closeSync(reader)
  onEvent(pull[2]!)
  onEvent(pull[3]!)
  await finish()
  closeSync(writer)
  expect(cli.err.text()).toBe(`progress: cannot write to fd ${writer} (EPIPE); going on without\n`)
  expect(() => readFileSync(writer)).toThrow()
})
