import { describe, expect, test } from 'vitest'
import { parseTrialConfig, readTrialConfig } from '../../src/orchestrate/trial-config.js'
import { readHealing, trialFile, writeHealing } from '../../src/orchestrate/trial-file.js'
import { parseTrialRecord, printTrialRecord } from '../../src/orchestrate/trial-record.js'
import type { HealingFacts } from '../../src/orchestrate/index.js'
import { memoryDir, memorySysroot, seededRandom } from '../../src/testing/index.js'

const digest = `sha256:${'a'.repeat(64)}` as const
const facts: HealingFacts = {
  trials: [
    {
      ...{ deployment: 'abc.0', manifestDigest: digest, version: '2', reference: 'docker://r.test/os:1' },
      ...{ tries: 3, since: '2026-01-01T00:00:00.000Z', fallback: 'def.0', paused: { left: 1, done: 2 } },
      boots: [{ bootId: 'b1', at: '2026-01-01T00:01:00.000Z', reason: 'no' }],
    },
  ],
  failed: [{ deployment: 'x.0', configDigest: digest, at: '2026-01-01T00:00:00Z', boots: 3, reason: 'why' }],
  finalizeFailure: { message: 'full', at: '2026-01-01T00:00:00Z', reportedIn: 'b1' },
}

describe('the record', () => {
  test('says what was written', () => {
    expect(parseTrialRecord(printTrialRecord(facts))).toEqual(facts)
  })

  test.each([
    ['', /not JSON/],
    ['{', /not JSON/],
    ['null', /not an object/],
    ['[]', /not an object/],
    ['{}', /unknown version/],
    ['{"version":2,"failed":[]}', /unknown version 2/],
  ])('%j is a problem, not an error', (text, problem) => {
    expect(parseTrialRecord(text).problem).toMatch(problem)
  })

  test('entries that make no sense are left out, the others stay', () => {
    const record = {
      version: 1,
      future: true,
      trials: [
        ...[null, 1, 'x', [], {}],
        { deployment: 'a', tries: -1, since: '2026-01-01T00:00:00Z' },
        { deployment: 'a', tries: 1.5, since: '2026-01-01T00:00:00Z' },
        { deployment: 'a', tries: 1, since: 'yesterday' },
        { deployment: ['a'], tries: 1, since: '2026-01-01T00:00:00Z' },
        {
          ...{ deployment: 'good', tries: 1, since: '2026-01-01T00:00:00Z', boots: [null, { bootId: 1 }] },
          ...{ manifestDigest: 'sha256:../../etc', fallback: 7, paused: { left: 'x' } },
        },
      ],
      failed: [{ deployment: 'f', at: '2026-01-01T00:00:00Z', boots: 'NaN' }, { at: 'now' }],
      finalizeFailure: 'text',
    }
    expect(parseTrialRecord(JSON.stringify(record))).toEqual({
      trials: [{ deployment: 'good', tries: 1, since: '2026-01-01T00:00:00Z', boots: [] }],
      failed: [{ deployment: 'f', at: '2026-01-01T00:00:00Z', boots: 0, reason: 'unknown' }],
    })
  })

  test('does not grow without end', () => {
    const [failure] = facts.failed
    const many = Array.from({ length: 100 }, (_, i) => ({
      ...failure!,
      deployment: `d${i}`,
      reason: 'x'.repeat(5000),
    }))
    const text = printTrialRecord({ ...facts, failed: many })
    expect(text.length).toBeLessThan(50_000)
    expect(parseTrialRecord(text).failed.at(-1)?.deployment).toBe('d99')
  })

  test('damaged anywhere it still is no error', () => {
    const random = seededRandom(5)
    const text = Buffer.from(printTrialRecord(facts))
    for (let round = 0; round < 300; round++) {
      const damaged = Buffer.from(text)
      damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256)
      const cut = damaged.subarray(0, Math.floor(random() * damaged.length))
      for (const bytes of [damaged, cut]) {
        const { trials, failed } = parseTrialRecord(bytes.toString('utf8'))
        expect(Array.isArray(trials) && Array.isArray(failed)).toBe(true)
      }
    }
  })
})

describe('its file', () => {
  test('goes when there is nothing to say', async () => {
    const sysroot = memorySysroot()
    await using lock = await sysroot.lock()
    await writeHealing(lock, { trials: [], failed: [] })
    expect(await sysroot.root.stat('.bootc-sdk')).toBeUndefined()
    await writeHealing(lock, facts)
    expect(await readHealing(sysroot)).toEqual(facts)
    await writeHealing(lock, { trials: [], failed: [] })
    expect(await sysroot.root.stat(trialFile)).toBeUndefined()
  })

  test.each<[string, (root: ReturnType<typeof memoryDir>) => Promise<void>]>([
    ['a link', async (root) => (await root.mkdir('.bootc-sdk'), root.symlink('/etc/shadow', trialFile))],
    ['a directory', async (root) => (await root.mkdir('.bootc-sdk'), root.mkdir(trialFile))],
    ['below a link', async (root) => root.symlink('/etc', '.bootc-sdk')],
    ['below a file', async (root) => root.write('.bootc-sdk', Buffer.from('x'))],
    [
      'huge',
      async (root) => (await root.mkdir('.bootc-sdk'), root.write(trialFile, Buffer.alloc(5 << 20, 0x20))),
    ],
  ])('%s in its place is a problem when read, and is replaced when written', async (_, make) => {
    const sysroot = memorySysroot()
    await make(sysroot.disks.root)
    const found = await readHealing(sysroot)
    expect(found.failed).toEqual([])
    await using lock = await sysroot.lock()
    await writeHealing(lock, facts)
    expect(await readHealing(sysroot)).toEqual(facts)
  })

  test('a stamp of libostree that is no text, or a directory, is no error', async () => {
    const sysroot = memorySysroot()
    await sysroot.boot.dir.mkdir('ostree')
    await sysroot.boot.dir.write('ostree/finalize-failure.stamp', Buffer.from([0xff, 0, 0xfe]))
    expect((await readHealing(sysroot)).finalizeFailure?.message).toBeTypeOf('string')
    await sysroot.boot.dir.remove('ostree/finalize-failure.stamp')
    await sysroot.boot.dir.mkdir('ostree/finalize-failure.stamp')
    expect((await readHealing(sysroot)).finalizeFailure).toBeUndefined()
  })
})

describe('boot-trial.toml', () => {
  const tries = (text: string) => parseTrialConfig(text, '/etc/x')

  test.each([
    ['[trial]\ntries = 0\n', 0],
    ['[trial]\ntries = 9\n', 9],
    ['[trial]\n', 3],
    ['', 3],
  ])('%j gives %i tries', (text, expected) => {
    expect(tries(text)).toEqual({ tries: expected, warnings: [] })
  })

  test.each([
    'tries = ',
    'trial = 3',
    '[trial]\ntries = -1',
    '[trial]\ntries = 10',
    '[trial]\ntries = 1.5',
    '[[trial]]',
    '[trial]\ntries = [3]',
  ])('%j counts as three, with a warning', (text) => {
    const config = tries(text)
    expect(config.tries).toBe(3)
    expect(config.warnings.map(({ code }) => code)).toContain('trial:config-invalid')
  })

  test('an unknown key is a warning', () => {
    const { tries: count, warnings } = tries('colour = 1\n[trial]\ntrys = 5\n')
    expect(count).toBe(3)
    expect(warnings.map(({ message }) => message)).toEqual([
      '/etc/x has the unknown key "colour"',
      '/etc/x has the unknown key "trial.trys"',
    ])
  })

  test('a link to /dev/null in /etc switches trials off; another link is followed', async () => {
    const root = memoryDir({ directories: ['usr', 'usr/lib', 'usr/lib/bootc-sdk'] })
    await root.write('usr/lib/bootc-sdk/boot-trial.toml', Buffer.from('[trial]\ntries = 4\n'))
    const etc = memoryDir({ directories: ['bootc-sdk'] })
    expect((await readTrialConfig(root, etc)).tries).toBe(4)
    await etc.symlink('/dev/null', 'bootc-sdk/boot-trial.toml')
    expect((await readTrialConfig(root, etc)).tries).toBe(0)
    await etc.remove('bootc-sdk/boot-trial.toml')
    await etc.write('bootc-sdk/other', Buffer.from('[trial]\ntries = 7\n'))
    await etc.symlink('other', 'bootc-sdk/boot-trial.toml')
    expect((await readTrialConfig(root, etc)).tries).toBe(7)
  })
})
