import { describe, expect, test } from 'vitest'
import type { HealthGate } from '../../src/health/index.js'
import { openBootc } from '../../src/orchestrate/index.js'
import { bootableImage, dir, file, memoryBackend, memoryBootloader } from '../../src/testing/index.js'
import { images, machine, runningMachine, stable, type Machine } from './machine.js'

const trialImage = (version: number, toml = '[trial]\ntries = 2\n') =>
  bootableImage({
    version,
    compression: 'none',
    extraEntries: [dir('usr/lib/bootc-sdk'), file('usr/lib/bootc-sdk/boot-trial.toml', toml)],
  })

const trialImages = new Map([1, 2, 3, 4].map((version) => [version, trialImage(version)]))

const healthy: HealthGate = { check: async () => ({ healthy: true, checks: [], warnings: [] }) }
const broken = (reason = 'required check 10-db failed (exit code 1): no database'): HealthGate => ({
  check: async () => ({ healthy: false, checks: [], warnings: [], reason }),
})

function publish(m: Machine, version: number, name = stable.image.name): void {
  m.transport.images.set(name, trialImages.get(version)!)
}

/** Version 1 running; version 2, on trial, booted next. */
async function onTrial(options: Parameters<typeof machine>[0] = {}): Promise<Machine> {
  const m = await runningMachine(options)
  publish(m, 2)
  await m.bootc.upgrade()
  return m
}

const count = async (m: Machine, index = 0) => (await m.bootc.status()).order[index]?.entry?.count

describe.each([{ relink: false }, { relink: true }])('a trial (relink: $relink)', (options) => {
  test('is begun when a staged deployment becomes the default, and ends with a healthy boot', async () => {
    const m = await onTrial(options)
    expect(await count(m)).toBeUndefined()
    expect((await m.reboot()).version).toBe('2')
    expect(await count(m)).toEqual({ left: 1, done: 1 })
    const { healing, order } = await m.bootc.status()
    expect(order[1]?.entry?.count).toBeUndefined()
    expect(healing?.trials).toMatchObject([
      { tries: 2, version: '2', fallback: order[1]!.id, manifestDigest: trialImages.get(2)!.manifestDigest },
    ])
    const result = await m.bootc.bootCheck({ gate: healthy, reboot: true })
    expect(result).toMatchObject({ healthy: true, verdict: 'passed', count: { left: 1, done: 1 } })
    expect(result.rebootRequested).toBe(false)
    expect(await count(m)).toBeUndefined()
    expect((await m.bootc.status()).healing).toBeUndefined()
    for (let i = 0; i < 4; i++) expect((await m.reboot()).version).toBe('2')
    expect(await m.bootc.bootCheck({ gate: healthy })).toMatchObject({ verdict: 'none' })
  })

  test('falls back when the tries are used up, and the digest is refused until told otherwise', async () => {
    const m = await onTrial(options)
    expect((await m.reboot()).version).toBe('2')
    const first = await m.bootc.bootCheck({ gate: broken(), reboot: true })
    expect(first).toMatchObject({ healthy: false, verdict: 'retry', count: { left: 1, done: 1 } })
    expect((await m.reboot()).version).toBe('2')
    const last = await m.bootc.bootCheck({ gate: broken('still no database'), reboot: true })
    expect(last).toMatchObject({ verdict: 'last-try-failed', count: { left: 0, done: 2 } })
    expect((await m.reboot()).version).toBe('1')
    const back = await m.bootc.bootCheck({ gate: healthy, reboot: true })
    const { manifestDigest } = trialImages.get(2)!
    expect(back).toMatchObject({
      healthy: true,
      verdict: 'none',
      fellBackFrom: [{ manifestDigest, version: '2', boots: 2, reason: 'still no database' }],
    })
    expect(await m.versions()).toEqual(['1'])
    expect((await m.bootc.status()).healing).toMatchObject({ trials: [], failed: [{ manifestDigest }] })
    // Told once.
    expect((await m.bootc.bootCheck({ gate: healthy })).fellBackFrom).toEqual([])

    const refused = await m.bootc.upgrade()
    expect(refused).toMatchObject({ outcome: 'known-bad', failed: { reason: 'still no database' } })
    expect(refused.image?.manifestDigest).toBe(manifestDigest)
    expect(await m.bootc.upgrade({ check: true })).toMatchObject({ outcome: 'known-bad' })
    expect((await m.bootc.status()).staged).toBeUndefined()
    const retried = await m.bootc.upgrade({ retryFailed: true })
    expect(retried).toMatchObject({ outcome: 'staged' })
    expect(retried.warnings.map(({ code }) => code)).toContain('trial:retried')
    expect((await m.reboot()).version).toBe('2')
    expect(await count(m)).toEqual({ left: 1, done: 1 })
  })

  test('a boot that never reaches its check counts too', async () => {
    const m = await onTrial(options)
    expect((await m.reboot()).version).toBe('2')
    expect((await m.reboot()).version).toBe('2')
    expect((await m.reboot()).version).toBe('1')
    const { fellBackFrom } = await m.bootc.bootCheck({ gate: healthy })
    expect(fellBackFrom).toMatchObject([{ boots: 2, reason: 'never reached its health check in 2 boots' }])
  })

  test('an updater that comes before the boot check does not stage the failed image again', async () => {
    const m = await onTrial(options)
    for (const version of ['2', '2', '1']) expect((await m.reboot()).version).toBe(version)
    expect(await m.bootc.upgrade()).toMatchObject({ outcome: 'known-bad' })
    expect(await m.versions()).toEqual(['1'])
    publish(m, 3)
    expect(await m.bootc.upgrade()).toMatchObject({ outcome: 'staged', image: { version: '3' } })
    expect((await m.reboot()).version).toBe('3')
    expect((await m.bootc.status()).healing?.failed).toHaveLength(1)
  })

  test('the old deployment, chosen by hand while tries are left, is no verdict', async () => {
    const m = await onTrial(options)
    expect((await m.reboot({ entry: 1 })).version).toBe('1')
    expect(await m.bootc.bootCheck({ gate: healthy })).toMatchObject({ verdict: 'none', fellBackFrom: [] })
    expect(await count(m)).toEqual({ left: 2, done: 0 })
    expect((await m.bootc.status()).healing?.trials).toHaveLength(1)
    expect((await m.reboot()).version).toBe('2')
    expect(await count(m)).toEqual({ left: 1, done: 1 })
  })

  test('a rollback lets the trial rest, and taken back it goes on with the tries it had', async () => {
    const m = await onTrial(options)
    await m.reboot()
    await m.bootc.rollback()
    expect((await m.bootc.status()).order.map(({ entry }) => entry?.count)).toEqual([undefined, undefined])
    expect((await m.bootc.status()).healing?.trials).toMatchObject([{ paused: { left: 1, done: 1 } }])
    await m.bootc.rollback()
    expect(await count(m)).toEqual({ left: 1, done: 1 })
    await m.bootc.rollback()
    expect((await m.reboot()).version).toBe('1')
    expect(await m.bootc.bootCheck({ gate: healthy })).toMatchObject({ verdict: 'none', fellBackFrom: [] })
    expect((await m.bootc.status()).healing?.trials).toHaveLength(1)
    publish(m, 3)
    await m.bootc.upgrade()
    await m.reboot()
    expect(await m.versions()).toEqual(['3', '1'])
    expect((await m.bootc.status()).healing?.trials).toMatchObject([{ version: '3' }])
  })

  test('an update staged while the running one is on trial falls back to what is known to work', async () => {
    const m = await onTrial(options)
    await m.reboot()
    publish(m, 3)
    await m.bootc.upgrade()
    expect((await m.reboot()).version).toBe('3')
    expect(await m.versions()).toEqual(['3', '1', '2'])
    expect((await m.bootc.status()).order.map(({ entry }) => entry?.count?.left)).toEqual([
      1,
      undefined,
      undefined,
    ])
    for (const version of ['3', '1']) expect((await m.reboot()).version).toBe(version)
    await m.bootc.bootCheck({ gate: healthy })
    expect(await m.versions()).toEqual(['1', '2'])
  })

  test('finalizing again, and what changes nothing, gives no fresh tries', async () => {
    const m = await onTrial(options)
    await m.reboot()
    await m.bootc.finalize()
    await m.bootc.prune()
    expect((await m.bootc.upgrade()).outcome).toBe('up-to-date')
    expect(await count(m)).toEqual({ left: 1, done: 1 })
  })

  test('on a sysroot that is not running the new default is on trial at once', async () => {
    const m = await machine(options)
    publish(m, 1)
    await m.bootc.install({ source: stable, kargs: { root: ['rw'] } })
    expect(await count(m)).toBeUndefined()
    publish(m, 2)
    expect((await m.bootc.upgrade()).outcome).toBe('deployed')
    expect(await count(m)).toEqual({ left: 2, done: 0 })
    expect(await count(m, 1)).toBeUndefined()
  })
})

describe('whether there is a trial', () => {
  const tries = async (toml: string, etc?: string) => {
    const m = await runningMachine()
    if (etc !== undefined) {
      const { deployment } = await m.boot()
      await m.sysroot.root.mkdir(`${deployment}/etc/bootc-sdk`)
      await m.sysroot.root.write(`${deployment}/etc/bootc-sdk/boot-trial.toml`, Buffer.from(etc))
    }
    m.transport.images.set(stable.image.name, trialImage(2, toml))
    const { warnings } = await m.bootc.upgrade()
    await m.bootc.finalize()
    return { count: await count(m), codes: warnings.map(({ code }) => code) }
  }

  test('the file in /etc, carried over from the running system, replaces the image’s', async () => {
    expect((await tries('[trial]\ntries = 2\n', '[trial]\ntries = 5\n')).count).toEqual({ left: 5, done: 0 })
    expect((await tries('[trial]\ntries = 2\n', '[trial]\ntries = 0\n')).count).toBeUndefined()
  })

  test('nonsense counts as three tries and is a warning', async () => {
    expect(await tries('[trial]\ntries = "many"\n')).toEqual({
      count: { left: 3, done: 0 },
      codes: ['trial:config-invalid'],
    })
  })

  test('an image without the file is not on trial', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade()
    await m.bootc.finalize()
    expect(await count(m)).toBeUndefined()
    expect((await m.bootc.status()).healing).toBeUndefined()
  })

  test('a loader that cannot count is a warning', async () => {
    const m = await runningMachine({ parts: { bootloaders: [memoryBootloader({ bootCounting: false })] } })
    publish(m, 2)
    expect((await m.bootc.upgrade()).warnings.map(({ code }) => code)).toEqual(['trial:no-counting'])
    await m.bootc.finalize()
    expect(await count(m)).toBeUndefined()
  })
})

describe('bootCheck', () => {
  test('of a system that is not on trial judges and never reboots', async () => {
    const m = await runningMachine()
    const reacted: boolean[] = []
    const gate: HealthGate = { ...broken(), react: async (isHealthy) => (reacted.push(isHealthy), []) }
    expect(await m.bootc.bootCheck({ gate, reboot: true })).toMatchObject({
      healthy: false,
      verdict: 'none',
      rebootRequested: false,
      warnings: [],
    })
    expect(reacted).toEqual([false])
    expect((await m.bootc.status()).healing).toBeUndefined()
  })

  test('asks for a reboot of what is on trial and not healthy', async () => {
    const m = await onTrial()
    await m.reboot()
    await m.bootc.bootCheck({ gate: broken(), reboot: true })
    expect(m.sysroot.host.calls.at(-1)).toContain('reboot')
    await m.bootc.bootCheck({ gate: broken() })
    expect(m.sysroot.host.calls).toHaveLength(1)
  })

  test('writes the verdict down before anything reacts to it', async () => {
    const m = await onTrial()
    await m.reboot()
    let seen: unknown
    const react = async () => {
      seen = (await m.bootc.status()).healing?.trials[0]?.boots[0]?.reason
      return []
    }
    await m.bootc.bootCheck({ gate: { ...broken('bad'), react } })
    expect(seen).toBe('bad')
  })

  test('holds no lock while the gate runs', async () => {
    const m = await onTrial()
    await m.reboot()
    const check: HealthGate['check'] = async () => {
      await m.bootc.prune()
      return { healthy: true, checks: [], warnings: [] }
    }
    expect((await m.bootc.bootCheck({ gate: { check } })).verdict).toBe('passed')
  })

  test('a gate that cannot judge is not healthy', async () => {
    const m = await onTrial()
    await m.reboot()
    const gate: HealthGate = { check: () => Promise.reject(new Error('/etc is gone')) }
    expect(await m.bootc.bootCheck({ gate })).toMatchObject({
      verdict: 'retry',
      report: { reason: 'the health checks could not be run: /etc is gone' },
    })
  })

  test('aborting it rejects with the reason and leaves no verdict', async () => {
    const m = await onTrial()
    await m.reboot()
    const stop = new AbortController()
    const reason = new Error('stop')
    const gate: HealthGate = {
      check: async ({ signal } = {}) => {
        stop.abort(reason)
        signal?.throwIfAborted()
        return { healthy: true, checks: [], warnings: [] }
      },
    }
    await expect(m.bootc.bootCheck({ gate, signal: stop.signal })).rejects.toBe(reason)
    expect(await count(m)).toEqual({ left: 1, done: 1 })
    for (const version of ['2', '1']) expect((await m.reboot()).version).toBe(version)
    const { fellBackFrom } = await m.bootc.bootCheck({ gate: healthy })
    expect(fellBackFrom[0]?.reason).toBe('its health check never came to an end in 2 boots')
  })

  test('a disk that takes no writes does not keep an unhealthy boot from starting again', async () => {
    const m = await onTrial()
    await m.reboot()
    const { rebootRequested: _, ...result } = await (
      await openBootc({
        sysroot: { ...m.sysroot, readOnly: true },
        transports: [],
        stores: [memoryBackend()],
        bootloaders: [memoryBootloader()],
      })
    ).bootCheck({ gate: broken(), reboot: true })
    expect(result.verdict).toBe('retry')
    expect(result.warnings.map(({ code }) => code)).toContain('trial:not-recorded')
    expect(m.sysroot.host.calls.at(-1)).toContain('reboot')
  })

  test('reactions that fail are a warning, and the reboot comes all the same', async () => {
    const m = await onTrial()
    await m.reboot()
    const gate: HealthGate = { ...broken(), react: () => Promise.reject(new Error('red.d is gone')) }
    const { warnings } = await m.bootc.bootCheck({ gate, reboot: true })
    expect(warnings.map(({ code }) => code)).toContain('health:reactions')
    expect(m.sysroot.host.calls.at(-1)).toContain('reboot')
  })

  test('onlyReport changes nothing', async () => {
    const m = await onTrial()
    await m.reboot()
    const before = await m.bootc.status()
    const gate: HealthGate = { ...broken(), react: () => Promise.reject(new Error('not to be called')) }
    const result = await m.bootc.bootCheck({ gate, reboot: true, onlyReport: true })
    expect(result).toMatchObject({
      healthy: false,
      verdict: 'none',
      count: { left: 1 },
      rebootRequested: false,
    })
    expect(await m.bootc.status()).toEqual(before)
  })

  test('does not start again what the loader would start for ever', async () => {
    const m = await onTrial()
    await m.reboot()
    await m.reboot()
    // As when somebody made the entry the loader's fixed choice.
    await m.bootc.bootCheck({ gate: broken(), reboot: true })
    for (let i = 0; i < 3; i++) {
      await m.reboot({ entry: 1 })
      const result = await m.bootc.bootCheck({ gate: broken(), reboot: true })
      expect(m.sysroot.host.calls.length).toBe(i < 1 ? 1 : 0)
      expect(result.warnings.some(({ code }) => code === 'trial:no-fallback')).toBe(i >= 1)
    }
  })

  test('what another program marked good is on trial no more', async () => {
    const m = await onTrial()
    await m.reboot()
    await using lock = await m.sysroot.lock()
    const loader = await m.bootc.bootloader()
    await loader.markGood!((await loader.read()).entries[0]!, lock)
    await lock[Symbol.asyncDispose]()
    await m.reboot({ entry: 1 })
    expect(await m.bootc.bootCheck({ gate: healthy })).toMatchObject({ fellBackFrom: [] })
    expect((await m.bootc.status()).healing).toBeUndefined()
  })

  test('needs a booted system', async () => {
    const m = await machine()
    await expect(m.bootc.bootCheck({ gate: healthy })).rejects.toMatchObject({
      code: 'SYSROOT_NOT_INITIALIZED',
    })
  })
})

describe('a digest that failed', () => {
  const failed = async () => {
    const m = await onTrial()
    for (const version of ['2', '2', '1']) expect((await m.reboot()).version).toBe(version)
    await m.bootc.bootCheck({ gate: healthy })
    return m
  }

  test('switched to explicitly is tried again, with a warning', async () => {
    const m = await failed()
    publish(m, 2, 'registry.example/os:two')
    const target = { ...stable, image: { ...stable.image, name: 'registry.example/os:two' } }
    const result = await m.bootc.switch(target)
    expect(result.outcome).toBe('staged')
    expect(result.warnings.map(({ code }) => code)).toContain('trial:retried')
    expect((await m.bootc.status()).healing).toBeUndefined()
    await m.reboot()
    expect(await m.bootc.bootCheck({ gate: healthy })).toMatchObject({ verdict: 'passed' })
  })

  test('is asked for once and no layer of it is fetched', async () => {
    const m = await failed()
    const before = m.transport.log.length
    await m.bootc.upgrade()
    const asked = m.transport.log.slice(before)
    expect(asked.some((line) => JSON.stringify(line).includes('layer'))).toBe(false)
  })

  test('has no deployment, image or kernel left', async () => {
    const m = await failed()
    const { orphans, order } = await m.bootc.status()
    expect([orphans.length, order.length]).toEqual([0, 1])
    const kept: string[] = []
    for await (const image of (await m.bootc.store()).images.list()) kept.push(image.manifestDigest)
    expect(kept).toEqual([images[0]!.manifestDigest])
  })
})

describe('a finalize that fails', () => {
  test.each([true, false])('is told at the next boot, and only there (libostree: %s)', async (libostree) => {
    const m = await onTrial()
    if (libostree) await m.sysroot.boot.dir.mkdir('ostree')
    const { staged } = await m.bootc.status()
    await m.sysroot.root.remove(`memory/deploy/${staged!.id}.json`)
    await expect(m.bootc.finalize()).rejects.toMatchObject({ code: 'DEPLOY_STAGED_MISSING' })
    expect((await m.sysroot.boot.dir.stat('ostree/finalize-failure.stamp')) !== undefined).toBe(libostree)
    await m.reboot({ finalize: false })
    expect((await m.bootc.status()).healing?.finalizeFailure?.message).toMatch(/not on disk/)
    const told = await m.bootc.bootCheck({ gate: healthy })
    expect(told.finalizeFailure?.message).toMatch(/not on disk/)
    expect(told.finalizeFailure?.at).toMatch(/^20/)
    expect(await m.sysroot.boot.dir.stat('ostree/finalize-failure.stamp')).toBeUndefined()
    expect((await m.bootc.status()).healing?.finalizeFailure?.reportedIn).toBe(await m.sysroot.host.bootId())
    await m.reboot({ finalize: false })
    expect((await m.bootc.bootCheck({ gate: healthy })).finalizeFailure).toBeUndefined()
    expect((await m.bootc.status()).healing).toBeUndefined()
  })

  test('of libostree itself is told too, and one that works afterwards ends the matter', async () => {
    const m = await onTrial()
    await m.sysroot.boot.dir.mkdir('ostree')
    await m.sysroot.boot.dir.write('ostree/finalize-failure.stamp', Buffer.from('error: no space\n'))
    expect((await m.bootc.status()).healing).toMatchObject({
      finalizeFailure: { message: 'error: no space' },
    })
    await m.bootc.finalize()
    expect((await m.bootc.status()).healing?.finalizeFailure).toBeUndefined()
  })
})

test('the record is a file below the physical root', async () => {
  const m = await onTrial()
  await m.reboot()
  expect(await m.sysroot.root.stat('.bootc-sdk/trials.json')).toMatchObject({ type: 'file', mode: 0o644 })
})
