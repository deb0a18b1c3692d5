import { describe, expect, test } from 'vitest'
import { progressSchema, toProgressJsonl } from '../../src/host-api/index.js'
import type { ProgressEvent } from '../../src/progress.js'
import { problems } from './validate.js'

const digest = (hex: string) => `sha256:${hex.repeat(64)}` as const
const resolved: ProgressEvent = {
  type: 'pull:resolved',
  detail: {
    manifestDigest: digest('f'),
    layers: [
      { digest: digest('a'), sizeBytes: 100, present: true },
      { digest: digest('b'), sizeBytes: 10, present: false },
      { digest: digest('c'), sizeBytes: 20, present: false },
    ],
  },
}
const layer = (hex: string, bytes: number, totalBytes: number): ProgressEvent => ({
  type: 'pull:layer',
  detail: { id: digest(hex), bytes, totalBytes, cachedBytes: 0 },
})

function translate(events: readonly (ProgressEvent | { waitMs: number })[]) {
  let time = 1000
  const toLines = toProgressJsonl({ now: () => time })
  return events.flatMap((event) => {
    if ('waitMs' in event) {
      time += event.waitMs
      return []
    }
    return toLines(event).map((line) => JSON.parse(line) as Record<string, unknown>)
  })
}

describe('progress lines', () => {
  test('begin with the version, then count layers and bytes', () => {
    const messages = translate([resolved, { waitMs: 200 }, layer('b', 4, 10), layer('b', 10, 10)])
    expect(messages[0]).toEqual({ type: 'Start', version: '0.1.0' })
    expect(messages[1]).toMatchObject({
      type: 'ProgressBytes',
      task: 'pulling',
      id: digest('f'),
      bytesCached: 100,
      bytes: 0,
      bytesTotal: 30,
      stepsCached: 1,
      steps: 0,
      stepsTotal: 2,
      subtasks: [],
    })
    expect(messages[3]).toMatchObject({ bytes: 10, steps: 1 })
    expect(messages[3]!['subtasks']).toEqual([
      {
        subtask: 'layer',
        description: 'layer: bbbbbbbbbbbbbbbbbbbbb',
        id: 'b'.repeat(21),
        bytesCached: 0,
        bytes: 10,
        bytesTotal: 10,
      },
    ])
  })

  test('are at most five a second, but the end of a layer is always told', () => {
    const steps = Array.from({ length: 100 }, (_, i) => [
      { waitMs: 10 },
      layer('c', Math.floor(i / 5), 20),
    ]).flat()
    const messages = translate([resolved, ...steps, layer('c', 20, 20)])
    expect(messages.length).toBeLessThanOrEqual(2 + 5 + 1)
    expect(messages.at(-1)).toMatchObject({ bytes: 20, steps: 1 })
  })

  test('say nothing where nothing was pulled or deployed', () => {
    expect(translate([{ type: 'lock:waiting', detail: { path: '' } }])).toEqual([])
  })

  test('count importing and staging in steps', () => {
    const messages = translate([
      { type: 'import:merge', detail: { done: false } },
      { type: 'import:merge', detail: { done: true } },
      { type: 'stage:step', detail: { step: 'deploying', done: false } },
      { type: 'stage:step', detail: { step: 'deploying', done: true } },
      { type: 'stage:step', detail: { step: 'cleanup', done: true } },
    ])
    expect(messages.slice(1).map(({ task, steps, stepsTotal }) => [task, steps, stepsTotal])).toEqual([
      ['importing', 0, 1],
      ['importing', 1, 1],
      ['staging', 0, 3],
      ['staging', 1, 3],
      ['staging', 2, 3],
    ])
  })

  test('all follow the schema', () => {
    const messages = translate([
      resolved,
      layer('b', 10, 10),
      { type: 'import:merge', detail: { done: true } },
      { type: 'stage:step', detail: { step: 'merging', done: false } },
    ])
    expect(messages).toHaveLength(5)
    for (const message of messages) expect(problems(progressSchema, message)).toEqual([])
    expect(problems(progressSchema, { type: 'Start' })).not.toEqual([])
  })
})
