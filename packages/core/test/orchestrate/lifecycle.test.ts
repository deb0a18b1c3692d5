import { describe, expect, test } from 'vitest'
import { images, machine, runningMachine, stable } from './machine.js'

const digest = (version: number) => images[version - 1]!.manifestDigest

describe.each([{ relink: false }, { relink: true }])('a machine (relink: $relink)', (options) => {
  test('installs, boots, upgrades and rolls back', async () => {
    const m = await machine(options)
    const installed = await m.bootc.install({ source: stable, kargs: { root: ['root=LABEL=root', 'rw'] } })
    expect(installed).toMatchObject({ stateroot: 'default', store: 'memory', bootloader: 'memory-loader' })
    expect(installed.kargs).toEqual(
      expect.arrayContaining(['root=LABEL=root', 'rw', 'console=ttyS0', 'quiet']),
    )
    expect((await m.boot()).version).toBe('1')
    await m.reboot()

    m.publish(2)
    const upgraded = await m.bootc.upgrade()
    expect(upgraded).toMatchObject({ outcome: 'staged', image: { version: '2', manifestDigest: digest(2) } })
    expect((await m.boot()).version).toBe('1')
    expect((await m.bootc.status()).staged?.deployment.version).toBe('2')
    const second = await m.reboot()
    expect(second.version).toBe('2')
    expect(second.cmdline).toContain('app.level=2')

    expect(await m.bootc.rollback()).toMatchObject({ next: 'rollback', reverted: false })
    expect((await m.bootc.status()).rollbackQueued).toBe(true)
    expect((await m.reboot()).version).toBe('1')
    expect(await m.versions()).toEqual(['1', '2'])
  })

  test('a rollback taken back boots what ran', async () => {
    const m = await runningMachine(options)
    m.publish(2)
    await m.bootc.upgrade()
    await m.reboot()
    await m.bootc.rollback()
    expect(await m.bootc.rollback()).toMatchObject({ next: 'current', reverted: true })
    expect((await m.reboot()).version).toBe('2')
  })

  test('keeps two deployments, those staged, and pinned ones', async () => {
    const m = await runningMachine(options)
    for (const version of [2, 3]) {
      m.publish(version)
      await m.bootc.upgrade()
      await m.reboot()
    }
    expect(await m.versions()).toEqual(['3', '2'])
    const { rollback } = await m.bootc.status()
    await m.bootc.pin(rollback!.id, true)
    m.publish(4)
    await m.bootc.upgrade()
    expect((await m.reboot()).version).toBe('4')
    expect(await m.versions()).toEqual(['4', '3', '2'])
    const kept: string[] = []
    for await (const image of (await m.bootc.store()).images.list()) kept.push(image.manifestDigest)
    expect(kept.sort()).toEqual([digest(2), digest(3), digest(4)].sort())
  })
})

describe('upgrade', () => {
  test('without anything new writes nothing', async () => {
    const m = await runningMachine()
    expect(await m.bootc.upgrade()).toMatchObject({ outcome: 'up-to-date', rebootRequested: false })
    expect((await m.bootc.status()).staged).toBeUndefined()
  })

  test('--check fetches no layer and is remembered', async () => {
    const m = await runningMachine()
    m.publish(2)
    m.transport.log.length = 0
    const result = await m.bootc.upgrade({ check: true })
    expect(result).toMatchObject({ outcome: 'update-available', image: { version: '2' } })
    expect(result.layerDiff).toMatchObject({ added: { count: 1 }, removed: { count: 1 } })
    expect(m.transport.log.filter((line) => line.startsWith('layer'))).toEqual([])
    expect((await m.bootc.status()).staged).toBeUndefined()
  })

  test('--check on what is current says so', async () => {
    const m = await runningMachine()
    expect((await m.bootc.upgrade({ check: true })).outcome).toBe('up-to-date')
  })

  test('--download-only waits for --from-downloaded', async () => {
    const m = await runningMachine()
    m.publish(2)
    expect((await m.bootc.upgrade({ downloadOnly: true })).outcome).toBe('downloaded')
    expect((await m.bootc.status()).staged?.locked).toBe(true)
    expect((await m.bootc.finalize()).outcome).toBe('locked')
    m.transport.log.length = 0
    expect(await m.bootc.upgrade({ fromDownloaded: true })).toMatchObject({
      outcome: 'already-staged',
      lockChanged: 'unlocked',
    })
    expect(m.transport.log).toEqual([])
    expect((await m.reboot()).version).toBe('2')
  })

  test('--from-downloaded without a download is an error', async () => {
    const m = await runningMachine()
    await expect(m.bootc.upgrade({ fromDownloaded: true })).rejects.toMatchObject({
      code: 'DEPLOY_NOTHING_STAGED',
    })
  })

  test('of the same image again keeps what is staged, and locks or unlocks it', async () => {
    const m = await runningMachine()
    m.publish(2)
    const { deployment } = await m.bootc.upgrade()
    const again = await m.bootc.upgrade()
    expect(again).toMatchObject({ outcome: 'already-staged', deployment })
    expect(again.lockChanged).toBeUndefined()
    expect((await m.bootc.upgrade({ downloadOnly: true })).lockChanged).toBe('locked')
    expect((await m.bootc.upgrade()).lockChanged).toBe('unlocked')
  })

  test('of something newer replaces what is staged', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade()
    m.publish(3)
    await m.bootc.upgrade()
    expect((await m.reboot()).version).toBe('3')
    expect(await m.versions()).toEqual(['3', '1'])
  })

  test('--tag follows another tag from then on', async () => {
    const m = await runningMachine()
    m.publish(2, 'registry.example/os:next')
    expect((await m.bootc.upgrade({ tag: 'next' })).outcome).toBe('staged')
    await m.reboot()
    const { booted } = await m.bootc.status()
    expect(booted?.deployment.origin?.image.name).toBe('registry.example/os:next')
  })

  test('asks for a reboot with --apply only when something waits', async () => {
    const m = await runningMachine()
    await m.bootc.upgrade({ apply: true })
    expect(m.sysroot.host.calls.filter(([program]) => program === 'systemd-run')).toEqual([])
    m.publish(2)
    const result = await m.bootc.upgrade({ apply: true })
    expect(m.sysroot.host.calls.at(-1)).toEqual(
      'systemd-run --quiet -- systemctl reboot'.split(' ').concat('--message=Initiated by bootc'),
    )
    // The fake host has no such program: what was staged stays, and the caller is told.
    expect(result).toMatchObject({ outcome: 'staged', rebootRequested: false })
    expect(result.warnings.map(({ code }) => code)).toContain('reboot:failed')
  })

  test('leaves word for other software', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade()
    const chunks: Uint8Array[] = []
    for await (const chunk of m.sysroot.run.read('reboot-required')) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe(`bootc: Reboot required for image: ${digest(2)}`)
  })

  test('options that exclude each other are refused', async () => {
    const m = await runningMachine()
    await expect(m.bootc.upgrade({ check: true, apply: true })).rejects.toMatchObject({
      code: 'DEPLOY_OPTIONS_CONFLICT',
    })
  })
})

describe('a sysroot that is not running', () => {
  test('is upgraded at once, from its default', async () => {
    const m = await machine()
    await m.bootc.install({ source: stable, kargs: { extra: ['local=1'] } })
    m.publish(2)
    expect(await m.bootc.upgrade()).toMatchObject({ outcome: 'deployed' })
    expect((await m.boot()).cmdline).toContain('local=1')
    expect(await m.versions()).toEqual(['2', '1'])
    expect((await m.bootc.status()).booted).toBeUndefined()
    expect(await m.bootc.rollback()).toMatchObject({ next: 'rollback' })
    expect(await m.versions()).toEqual(['1', '2'])
    expect(await m.bootc.rollback()).toMatchObject({ next: 'rollback' })
    expect(await m.versions()).toEqual(['2', '1'])
  })

  test('downloads only when asked to', async () => {
    const m = await machine()
    await m.bootc.install({ source: stable })
    m.publish(2)
    expect((await m.bootc.upgrade({ downloadOnly: true })).outcome).toBe('downloaded')
    expect(await m.versions()).toEqual(['1'])
  })
})

describe('switch and edit', () => {
  const other = { ...stable, image: { transport: 'registry' as const, name: 'registry.example/other:1' } }

  test('switch always deploys, also the image that runs', async () => {
    const m = await runningMachine()
    m.publish(1, other.image.name)
    expect((await m.bootc.switch(other)).outcome).toBe('staged')
    await m.reboot()
    expect((await m.bootc.status()).booted?.deployment.origin).toEqual(other)
  })

  test('switch to what is followed does nothing', async () => {
    const m = await runningMachine()
    m.transport.log.length = 0
    expect((await m.bootc.switch(stable)).outcome).toBe('unchanged')
    expect(m.transport.log).toEqual([])
  })

  test('an edited image is switched to, an edited order rolls back, both at once are refused', async () => {
    const m = await runningMachine()
    m.publish(2, other.image.name)
    expect(await m.bootc.applySpec({ image: stable, bootOrder: 'default' })).toEqual({ kind: 'unchanged' })
    await expect(m.bootc.applySpec({ image: other, bootOrder: 'rollback' })).rejects.toMatchObject({
      code: 'DEPLOY_SPEC_INVALID',
    })
    await expect(m.bootc.applySpec({ bootOrder: 'default' })).rejects.toMatchObject({
      code: 'DEPLOY_SPEC_INVALID',
    })
    expect(await m.bootc.applySpec({ image: other, bootOrder: 'default' })).toMatchObject({ kind: 'image' })
    await m.reboot()
    expect(await m.bootc.applySpec({ image: other, bootOrder: 'rollback' })).toMatchObject({
      kind: 'rollback',
    })
    expect((await m.reboot()).version).toBe('1')
  })
})

describe('rollback', () => {
  test('needs something to go back to', async () => {
    const m = await runningMachine()
    await expect(m.bootc.rollback()).rejects.toMatchObject({ code: 'DEPLOY_NO_ROLLBACK' })
  })

  test('discards what is staged only when told to', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade()
    await m.reboot()
    m.publish(3)
    const { deployment } = await m.bootc.upgrade()
    await expect(m.bootc.rollback()).rejects.toMatchObject({ code: 'DEPLOY_STAGED' })
    expect((await m.bootc.status()).staged?.id).toBe(deployment)
    expect(await m.bootc.rollback({ discardStaged: true })).toMatchObject({ discardedStaged: deployment })
    expect((await m.reboot()).version).toBe('1')
  })

  test('after booting the older entry by hand selects the newer one', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade()
    await m.reboot()
    expect((await m.reboot({ entry: 1 })).version).toBe('1')
    const state = await m.bootc.status()
    expect([state.booted?.deployment.version, state.rollbackQueued]).toEqual(['1', true])
    await m.bootc.rollback()
    expect(await m.versions()).toEqual(['1', '2'])
  })
})
