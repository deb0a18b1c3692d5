import { describe, expect, test } from 'vitest'
import { bootableImage, file, dir } from '../../src/testing/index.js'
import type { Dir } from '../../src/interfaces/index.js'
import { runningMachine, stable, type Machine } from './machine.js'

/** /etc of the running system, to change as its administrator would. */
async function runningEtc({ bootc, sysroot }: Machine): Promise<Dir> {
  const { booted } = await bootc.status()
  const { deployments } = await bootc.store()
  await using lock = await sysroot.lock()
  return deployments.etc(booted!.id, lock)
}

describe('/etc', () => {
  test('carries changes, additions and removals over at shutdown, also those made after staging', async () => {
    const m = await runningMachine()
    const etc = await runningEtc(m)
    await etc.write('app.conf', Buffer.from('level = 99\n'))
    m.publish(2)
    const { etc: planned, warnings } = await m.bootc.upgrade()
    expect(planned).toEqual({ modified: 1, removed: 0, added: 0 })
    expect(warnings).toContainEqual({
      code: 'etc:shadowed',
      message: '/etc/app.conf: changed here and in the new image, so the local version stays',
      details: { paths: ['app.conf'] },
    })
    await etc.remove('hostname')
    await etc.write('motd', Buffer.from('hello\n'))
    expect((await m.bootc.finalize()).etc).toEqual({ modified: 1, removed: 1, added: 1 })
    const boot = await m.reboot({ finalize: false })
    expect(boot.version).toBe('2')
    expect(await boot.read('etc/app.conf')).toBe('level = 99\n')
    expect(await boot.read('etc/motd')).toBe('hello\n')
    expect(await boot.read('etc/hostname')).toBeUndefined()
  })

  test('follows the new image where nothing was changed', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade()
    expect(await (await m.reboot()).read('etc/app.conf')).toContain('level = 2')
  })

  test('of a rollback is as it was left', async () => {
    const m = await runningMachine()
    await (await runningEtc(m)).write('motd', Buffer.from('first\n'))
    m.publish(2)
    await m.bootc.upgrade()
    await m.reboot()
    await (await runningEtc(m)).write('motd', Buffer.from('second\n'))
    await m.bootc.rollback()
    expect(await (await m.reboot()).read('etc/motd')).toBe('first\n')
  })

  test('that cannot be merged is refused before anything is staged', async () => {
    const m = await runningMachine()
    const etc = await runningEtc(m)
    await etc.write('notes', Buffer.from('mine\n'))
    m.transport.images.set(
      stable.image.name,
      bootableImage({ version: 2, extraEntries: [dir('etc/notes'), file('etc/notes/a', 'theirs\n')] }),
    )
    await expect(m.bootc.upgrade()).rejects.toMatchObject({
      code: 'DEPLOY_ETC_CONFLICT',
      details: { conflicts: [{ path: 'notes', kind: 'default-is-directory' }] },
    })
    const state = await m.bootc.status()
    expect([state.staged, state.orphans]).toEqual([undefined, []])
    await etc.remove('notes')
    expect((await m.bootc.upgrade()).outcome).toBe('staged')
  })
})
