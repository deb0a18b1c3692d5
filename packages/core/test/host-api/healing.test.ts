import { describe, expect, test } from 'vitest'
import { formatHuman, hostSchema, parseBootcHost, toBootcHost } from '../../src/host-api/index.js'
import type { HealingFacts, HostState } from '../../src/orchestrate/index.js'
import { hostEntry, inOrder } from '../orchestrate/entries.js'
import { problems } from './validate.js'

const digest = `sha256:${'b'.repeat(64)}` as const
const origin = {
  image: { transport: 'registry', name: 'r.test/os:1' },
  signature: { kind: 'insecure' },
} as const

function stateWith(healing?: HealingFacts): HostState {
  const [booted] = inOrder(
    hostEntry('one', {
      deployment: { origin, image: { manifestDigest: digest, architecture: 'amd64', version: '1' } },
      entry: {
        ...{ fileName: 'x.conf', title: '', version: '', options: '' },
        count: { left: 1, done: 2 },
        initrds: [],
        extra: [],
      },
    }),
  )
  return {
    ...{ live: true, readOnly: false, store: 'ostree', bootloader: 'grub', bootVersion: 0 },
    ...{ order: [booted!], booted: booted!, anchor: booted!, defaultEntry: booted! },
    ...{ others: [], rollbackQueued: false, unlocked: 'none', orphans: [] },
    ...(healing === undefined ? {} : { healing }),
  }
}

const failed = {
  ...{ deployment: 'two', manifestDigest: digest, version: '2', reference: 'docker://r.test/os:1' },
  ...{
    at: '2026-01-02T03:04:05.000Z',
    boots: 3,
    reason: 'required check 10-db failed (exit code 1)\u001b[31m',
  },
}
const trial = { deployment: 'one', version: '1', tries: 3, since: '2026-01-02T03:00:00.000Z', boots: [] }

describe('trials and failures in the status document', () => {
  test('are left out when there are none, and the document is bootc’s', () => {
    const host = toBootcHost(stateWith())
    expect(Object.keys(host.status)).not.toContain('healing')
    expect(parseBootcHost(JSON.parse(JSON.stringify(host)))).toEqual(host)
  })

  test('stand behind everything else, and the schema still takes the document', () => {
    const host = toBootcHost(
      stateWith({ trials: [trial], failed: [failed], finalizeFailure: { message: 'full', reportedIn: 'x' } }),
    )
    expect(Object.keys(host.status).at(-1)).toBe('healing')
    expect(host.status.healing).toEqual({
      trials: [{ deployment: 'one', version: '1', timestamp: trial.since, tries: 3, triesLeft: 1 }],
      failed: [
        {
          ...{ deployment: 'two', image: 'docker://r.test/os:1', version: '2', imageDigest: digest },
          ...{ timestamp: failed.at, boots: 3, reason: failed.reason },
        },
      ],
      finalizeFailure: { message: 'full' },
    })
    expect(problems(hostSchema, JSON.parse(JSON.stringify(host)))).toEqual([])
    expect(parseBootcHost(host).status.booted).toEqual(host.status.booted)
  })

  test('are told to people, without control characters', () => {
    const text = formatHuman(
      toBootcHost(stateWith({ trials: [trial], failed: [failed], problem: 'is not JSON' })),
    )
    expect(text).toContain('   Trial image: one\n')
    expect(text).toContain('         Boots: 1 of 3 tries left\n'.slice(1))
    expect(text).toContain(`  Failed image: docker://r.test/os:1
        Digest: ${digest}
       Version: 2
        Failed: 2026-01-02 03:04 after 3 boots
        Reason: required check 10-db failed (exit code 1)\\u001b[31m
`)
    expect(text).toContain('Record of trials: is not JSON\n')
  })

  test('a trial behind a rollback rests', () => {
    const resting = { ...trial, deployment: 'elsewhere', paused: { left: 2, done: 1 } }
    const text = formatHuman(toBootcHost(stateWith({ trials: [resting], failed: [] })))
    expect(text).toContain('Boots: resting after a rollback\n')
  })
})
