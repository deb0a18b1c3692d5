import { expect, test } from 'vitest'
import { isBootcError } from '../../src/errors.js'
import { bootableImage, dirs, file } from '../../src/testing/index.js'
import type { BootableImageSpec, FakeHost } from '../../src/testing/index.js'
import { toBootcHost } from '../../src/host-api/index.js'
import { runningMachine, stable, type Machine } from './machine.js'

const unit = 'usr/lib/systemd/system/soft-reboot.target'

/** Images with the same kernel and arguments; `also` is what differs. */
const like = (also: string, spec: Partial<BootableImageSpec> = {}, files: Record<string, string> = {}) =>
  bootableImage({
    ...{ version: 1, compression: 'none', ...spec },
    extraLayers: [
      {
        entries: [
          ...dirs('usr/lib/systemd', 'usr/lib/systemd/system', 'usr/share/also', 'usr/etc'),
          file(unit, ''),
          file('usr/share/also/it', also),
          ...Object.entries(files).map(([path, text]) => file(path, text)),
        ],
        compression: 'none',
      },
    ],
  })

const publish = (m: Machine, image = like('two')) => m.transport.images.set(stable.image.name, image)

/** Runs something like version 1, and something else waits under the tag. */
async function following(next = like('two')): Promise<Machine> {
  const m = await runningMachine()
  publish(m, like('one'))
  await m.bootc.upgrade()
  await m.reboot()
  publish(m, next)
  return m
}

const target = async (m: Machine) => (await m.bootc.status()).softRebootTarget
const refusalOf = async (failing: Promise<unknown>) => {
  const error = await failing.catch((thrown: unknown) => thrown)
  if (!isBootcError(error)) throw error
  return { code: error.code, reason: error.details['reason'], message: error.message }
}

test('an upgrade that keeps the kernel is prepared, shown, finalized, and may be taken back', async () => {
  const m = await following()
  const result = await m.bootc.upgrade({ softReboot: 'required' })
  expect(result).toMatchObject({ outcome: 'staged', softReboot: true, rebootRequested: false, warnings: [] })
  expect(await target(m)).toBe(result.deployment)
  const state = await m.bootc.status()
  expect(state.staged?.softRebootCapable).toBe(true)
  expect(toBootcHost(state).status.staged).toMatchObject({ softRebootCapable: true, softRebootQueued: true })
  expect(toBootcHost(state).status.booted).not.toHaveProperty('softRebootQueued')

  expect(await m.bootc.resetSoftReboot()).toMatchObject({ changed: true, deployment: result.deployment })
  expect(await target(m)).toBeUndefined()
  expect(await m.bootc.resetSoftReboot()).toMatchObject({ changed: false })
  // Staged all the same, and prepared again by asking once more.
  expect(await m.bootc.upgrade({ softReboot: 'auto' })).toMatchObject({
    outcome: 'already-staged',
    softReboot: true,
  })
  await m.bootc.finalize()
  expect(await target(m)).toBe(result.deployment)
  expect((await m.bootc.status()).defaultEntry?.id).toBe(result.deployment)
})

test('with apply systemd is asked for a soft reboot, else for a reboot', async () => {
  const commands = async (options: { softReboot?: 'auto' }) => {
    const m = await following()
    await m.bootc.upgrade({ apply: true, ...options })
    return (m.sysroot.host as FakeHost).calls.map((argv) => argv.join(' '))
  }
  expect(await commands({ softReboot: 'auto' })).toEqual(['systemd-run --quiet -- systemctl soft-reboot'])
  expect(await commands({})).toEqual(['systemd-run --quiet -- systemctl reboot --message=Initiated by bootc'])
})

test.each([
  ['another initramfs', 'kernel', like('two', { version: 3 })],
  ['another kernel argument', 'kernel-arguments', like('two', { version: 2 })],
  ['no unit for it', 'no-unit', bootableImage({ version: 1, compression: 'none', labels: { a: 'b' } })],
  [
    'another SELinux policy',
    'selinux-policy',
    bootableImage({
      ...{ version: 1, compression: 'none' },
      extraEntries: [
        ...dirs(
          'usr/lib/systemd/system',
          'usr/etc',
          'usr/etc/selinux',
          'usr/etc/selinux/t',
          'usr/etc/selinux/t/policy',
        ),
        file(unit, ''),
        file('usr/etc/selinux/config', 'SELINUXTYPE=t\n'),
        file('usr/etc/selinux/t/policy/policy.33', 'rules'),
      ],
    }),
  ],
])('%s: refused when it is required, a reboot otherwise; staged in either case', async (_, reason, image) => {
  const m = await following(image)
  const refused = await refusalOf(m.bootc.upgrade({ softReboot: 'required' }))
  expect(refused).toMatchObject({ code: 'DEPLOY_SOFT_REBOOT_REFUSED', reason })
  expect(refused.message).toContain(
    'Soft reboot was required but staged deployment is not soft-reboot capable',
  )
  expect((await m.bootc.status()).staged?.softRebootCapable).toBe(false)
  expect(await target(m)).toBeUndefined()
  const auto = await m.bootc.upgrade({ softReboot: 'auto', apply: true })
  expect(auto).toMatchObject({ outcome: 'already-staged' })
  expect(auto.softReboot).toBeUndefined()
  expect((m.sysroot.host as FakeHost).calls.at(-1)).toContain('reboot')
})

test('what is staged next, locked, or turned back is no longer prepared', async () => {
  const m = await following()
  await m.bootc.upgrade({ softReboot: 'required' })
  publish(m, like('three'))
  const third = await m.bootc.upgrade()
  expect(third.outcome).toBe('staged')
  expect(await target(m)).toBeUndefined()

  await m.bootc.upgrade({ softReboot: 'required' })
  expect(await target(m)).toBe(third.deployment)
  await m.bootc.upgrade({ downloadOnly: true })
  expect(await target(m)).toBeUndefined()
  expect(await refusalOf(m.bootc.prepareSoftReboot(third.deployment!))).toMatchObject({ reason: 'locked' })

  await m.bootc.upgrade({ softReboot: 'required' })
  await m.bootc.rollback({ discardStaged: true })
  expect(await target(m)).toBeUndefined()
})

test('a rollback is prepared where it can be, and taken back with it', async () => {
  const m = await following()
  await m.bootc.upgrade()
  await m.reboot()
  const { rollback } = await m.bootc.status()
  expect(await m.bootc.rollback({ softReboot: 'required' })).toMatchObject({
    next: 'rollback',
    softReboot: true,
  })
  expect(await target(m)).toBe(rollback?.id)
  const back = await m.bootc.rollback({ softReboot: 'required' })
  expect(back).toMatchObject({ next: 'current' })
  expect(back.softReboot).toBeUndefined()
  expect(await target(m)).toBeUndefined()
})

test('the running deployment and one that is not there are refused', async () => {
  const m = await following()
  const { booted } = await m.bootc.status()
  expect(await refusalOf(m.bootc.prepareSoftReboot(booted!.id))).toMatchObject({ reason: 'booted' })
  expect(await refusalOf(m.bootc.prepareSoftReboot('nothing'))).toMatchObject({ reason: 'broken' })
})

test.each([{ check: true }, { downloadOnly: true }])('not together with %j', async (other) => {
  const m = await following()
  expect(await refusalOf(m.bootc.upgrade({ softReboot: 'auto', ...other }))).toMatchObject({
    code: 'DEPLOY_OPTIONS_CONFLICT',
  })
  expect((await m.bootc.status()).staged).toBeUndefined()
})

test('a preparation that fails at shutdown is a warning, and leaves nothing prepared', async () => {
  const m = await following()
  const { deployment } = await m.bootc.upgrade({ softReboot: 'required' })
  // Somebody changed the arguments since: what is mounted is no longer what will be booted.
  await m.bootc.editKargs({ append: ['more'] })
  const finalized = await m.bootc.finalize()
  expect(finalized.outcome).toBe('finalized')
  expect(finalized.warnings.map(({ code }) => code)).toContain('soft-reboot:failed')
  expect(await target(m)).toBeUndefined()
  expect((await m.bootc.status()).defaultEntry?.id).toBe(deployment)
})

test('switching to what is followed, with apply, reboots into what is staged and nothing else', async () => {
  const m = await following()
  await m.bootc.upgrade()
  await m.reboot()
  publish(m, like('three'))
  const { deployment } = await m.bootc.upgrade()
  const { rollback } = await m.bootc.status()
  const calls = () => (m.sysroot.host as FakeHost).calls.map((argv) => argv.join(' '))
  await m.bootc.prepareSoftReboot(rollback!.id)
  expect(await m.bootc.switch(stable, { apply: true })).toMatchObject({ outcome: 'unchanged' })
  expect(await target(m)).toBeUndefined()
  expect(calls().at(-1)).not.toContain('soft-reboot')

  await m.bootc.prepareSoftReboot(deployment!)
  expect(await m.bootc.switch(stable, { apply: true })).toMatchObject({ softReboot: true })
  expect(calls().at(-1)).toContain('soft-reboot')
})
