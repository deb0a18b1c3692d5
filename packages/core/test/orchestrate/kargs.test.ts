import { describe, expect, test } from 'vitest'
import { openBootc } from '../../src/orchestrate/index.js'
import { memoryBackend, memoryBootloader } from '../../src/testing/index.js'
import type { Bootloader, BootSpec, Provider, StoreBackend } from '../../src/interfaces/index.js'
import { machine, runningMachine, stable, type Machine } from './machine.js'

const words = async (m: Machine) => (await m.bootc.kargs()).kargs
const booted = async (m: Machine) => (await m.boot()).cmdline.split(' ')

/** A store in which the image decides the id of its deployment. */
function oneOfAKind(): Provider<StoreBackend> {
  const provider = memoryBackend({ relink: false })
  const wrap = async (open: Promise<StoreBackend>): Promise<StoreBackend> => {
    const store = await open
    const idOf = async () => Promise.resolve('none')
    return { ...store, deployments: { ...store.deployments, idOf } }
  }
  return {
    ...provider,
    open: (sysroot, options) => wrap(provider.open(sysroot, options)),
    init: (sysroot, lock, options) => wrap(provider.init(sysroot, lock, options)),
  }
}

async function etcKargs(m: Machine, text: string | undefined): Promise<void> {
  const id = (await m.bootc.status()).booted!.id
  const { deployments } = await m.bootc.store()
  const lock = await m.sysroot.lock()
  const etc = await deployments.etc(id, lock)
  if ((await etc.stat('bootc')) === undefined) await etc.mkdir('bootc')
  if ((await etc.stat('bootc/kargs.d')) === undefined) await etc.mkdir('bootc/kargs.d')
  if (text === undefined) await etc.remove('bootc/kargs.d/10.toml')
  else await etc.write('bootc/kargs.d/10.toml', Buffer.from(text))
  await lock[Symbol.asyncDispose]()
}

describe('kernel arguments of a running machine', () => {
  test('a source is staged beside what runs, and the old arguments stay in the entry behind it', async () => {
    const m = await runningMachine()
    const before = await booted(m)
    const result = await m.bootc.setKargsForSource('tuned', 'nohz=full')
    expect(result).toMatchObject({ outcome: 'staged', warnings: [] })
    expect(await booted(m)).toEqual(before)
    expect(await m.bootc.kargs()).toMatchObject({
      role: 'staged',
      sources: [{ source: 'tuned', kargs: ['nohz=full'] }],
    })
    expect((await m.reboot()).cmdline.split(' ')).toContain('nohz=full')
    expect(await m.versions()).toEqual(['1', '1'])
    expect((await m.bootc.status()).rollback!.kargs).not.toContain('nohz=full')
    expect((await m.bootc.entries())[0]!.entry.extra).toContainEqual(['x-options-source-tuned', 'nohz=full'])
  })

  test('several changes of one boot add up in one staged deployment', async () => {
    const m = await runningMachine()
    const { deployment } = await m.bootc.setKargsForSource('a', 'quiet x=1')
    await m.bootc.setKargsForSource('b', 'quiet y=2')
    await m.bootc.editKargs({ append: ['z=3'] })
    expect((await m.bootc.setKargsForSource('a', '')).deployment).toBe(deployment)
    expect((await m.bootc.setKargsForSource('a', undefined)).outcome).toBe('unchanged')
    const kargs = await words(m)
    expect(kargs).toEqual(expect.arrayContaining(['quiet', 'y=2', 'z=3']))
    expect(kargs).not.toContain('x=1')
    await m.reboot()
    expect(await words(m)).toEqual(expect.arrayContaining(['quiet', 'y=2', 'z=3']))
    expect((await m.bootc.kargs()).sources).toEqual([{ source: 'b', kargs: ['quiet', 'y=2'] }])
  })

  test('a source that was there at boot is dropped by what is staged', async () => {
    const m = await runningMachine()
    await m.bootc.setKargsForSource('a', 'x=1')
    await m.reboot()
    await m.bootc.setKargsForSource('a', '')
    await m.reboot()
    expect(await m.bootc.kargs()).toMatchObject({ role: 'booted', sources: [] })
    expect(await booted(m)).not.toContain('x=1')
  })

  test('a staged update keeps its image and its lock', async () => {
    const m = await runningMachine()
    m.publish(2)
    await m.bootc.upgrade({ downloadOnly: true })
    expect(await m.bootc.setKargsForSource('a', 'x=1')).toMatchObject({ outcome: 'staged', locked: true })
    expect((await m.bootc.status()).staged).toMatchObject({ locked: true, deployment: { version: '2' } })
    expect((await m.bootc.finalize()).outcome).toBe('locked')
    await m.bootc.upgrade({ fromDownloaded: true })
    const up = await m.reboot()
    expect(up.version).toBe('2')
    expect(up.cmdline).toContain('x=1')
  })

  test('sources and local arguments survive upgrades, also what the new image drops', async () => {
    const m = await runningMachine()
    await m.bootc.setKargsForSource('a', 'app.level=1 x=1')
    await m.bootc.editKargs({ append: ['local=1'], delete: ['quiet'] })
    await m.reboot()
    m.publish(2)
    await m.bootc.upgrade()
    const up = await m.reboot()
    expect(up.version).toBe('2')
    expect(up.cmdline.split(' ')).toEqual(
      expect.arrayContaining(['app.level=1', 'app.level=2', 'x=1', 'local=1']),
    )
    expect(up.cmdline.split(' ')).not.toContain('quiet')
    expect((await m.bootc.kargs()).sources).toEqual([{ source: 'a', kargs: ['app.level=1', 'x=1'] }])
  })

  test('where a store can have one deployment of an image only, the entry is rewritten at once', async () => {
    const m = await runningMachine({ parts: { stores: [oneOfAKind()] } })
    m.publish(2)
    await m.bootc.upgrade()
    await m.reboot()
    const { booted: running } = await m.bootc.status()
    const result = await m.bootc.setKargsForSource('a', 'x=1')
    expect(result).toEqual({
      ...{ outcome: 'rewritten', deployment: running!.id },
      ...{ kargs: expect.arrayContaining(['x=1']) as string[], warnings: [] },
    })
    expect(await booted(m)).toContain('x=1')
    expect(await m.versions()).toEqual(['2', '1'])
    expect((await m.bootc.status()).rollback!.kargs).not.toContain('x=1')
  })

  test('a change for what does not boot next says so', async () => {
    const m = await runningMachine({ parts: { stores: [oneOfAKind()] } })
    m.publish(2)
    await m.bootc.upgrade()
    await m.reboot()
    await m.bootc.rollback()
    expect((await m.bootc.editKargs({ append: ['x=1'] })).warnings).toMatchObject([
      { code: 'kargs:not-next' },
    ])
  })

  test('a failed change leaves nothing staged', async () => {
    const m = await runningMachine()
    await expect(m.bootc.editKargs({ delete: ['nothing=1'] })).rejects.toMatchObject({
      code: 'BOOT_KARG_NOT_FOUND',
    })
    expect((await m.bootc.status()).staged).toBeUndefined()
  })
})

test('a deployment that boots by a unified kernel image takes no changes, and shows its arguments', async () => {
  const m = await runningMachine()
  const provider = memoryBackend({ relink: false })
  const sealed: Provider<StoreBackend> = {
    ...provider,
    async open(sysroot, options) {
      const store = await provider.open(sysroot, options)
      const bootSpecs: StoreBackend['deployments']['bootSpecs'] = async (order, version) =>
        (await store.deployments.bootSpecs(order, version)).map((spec) => ({
          ...spec,
          artifact: {
            ...spec.artifact,
            kind: 'uki',
            addons: [],
            cmdline: '',
          } as unknown as BootSpec['artifact'],
        }))
      return { ...store, deployments: { ...store.deployments, bootSpecs } }
    },
  }
  const parts = { stores: [sealed], bootloaders: [memoryBootloader()], transports: [] }
  const bootc = await openBootc({ sysroot: m.sysroot, ...parts })
  expect((await bootc.kargs()).kargs).toContain('root=LABEL=root')
  for (const change of [() => bootc.editKargs({ append: ['x'] }), () => bootc.setKargsForSource('a', 'x')]) {
    await expect(change()).rejects.toMatchObject({ code: 'BOOT_UKI_KARGS' })
  }
})

test('an entry is booted once where the loader can, by name or deployment', async () => {
  const m = await runningMachine()
  m.publish(2)
  await m.bootc.upgrade()
  await m.reboot()
  await expect(m.bootc.bootOnce('x')).rejects.toMatchObject({ code: 'BOOT_ONE_SHOT_UNSUPPORTED' })
  const chosen: (string | undefined)[] = []
  const provider = memoryBootloader()
  const oneShot: Provider<Bootloader> = {
    ...provider,
    async open(sysroot, options) {
      const loader = await provider.open(sysroot, options)
      const bootOnce: Bootloader['bootOnce'] = async (entry) => void chosen.push(entry?.fileName)
      return { ...loader, supports: { ...loader.supports, oneShot: true }, bootOnce }
    },
  }
  const stores = [memoryBackend({ relink: false })]
  const bootc = await openBootc({ sysroot: m.sysroot, stores, bootloaders: [oneShot], transports: [] })
  const [, second] = await bootc.entries()
  await bootc.bootOnce(second!.deployment)
  await bootc.bootOnce(second!.entry.fileName)
  await bootc.bootOnce(undefined)
  expect(chosen).toEqual([second!.entry.fileName, second!.entry.fileName, undefined])
  await expect(bootc.bootOnce('nothing')).rejects.toMatchObject({ code: 'BOOT_ENTRY_NOT_FOUND' })
})

describe('a sysroot that is not running', () => {
  test('its default entry has the change at once, without a second deployment', async () => {
    const m = await machine()
    await m.bootc.install({ source: stable, kargs: { root: ['root=LABEL=root', 'rw'] } })
    expect((await m.bootc.editKargs({ append: ['x=1'], replace: ['root=LABEL=other'] })).outcome).toBe(
      'rewritten',
    )
    expect(await m.versions()).toEqual(['1'])
    expect(await booted(m)).toEqual(expect.arrayContaining(['root=LABEL=other', 'rw', 'x=1']))
    expect((await m.bootc.editKargs({ set: ['root=LABEL=root rw'] })).kargs).toEqual([
      'root=LABEL=root',
      'rw',
    ])
  })
})

describe('/etc/bootc/kargs.d', () => {
  test('is taken over by the next update, and so is its removal', async () => {
    const m = await runningMachine()
    await etcKargs(m, 'kargs = ["from.etc=1", "quiet"]')
    m.publish(2)
    await m.bootc.upgrade()
    expect((await m.reboot()).cmdline).toContain('from.etc=1')
    expect((await m.bootc.kargs()).sources).toEqual([
      { source: 'etc-kargs-d', kargs: ['from.etc=1', 'quiet'] },
    ])
    await etcKargs(m, undefined)
    m.publish(3)
    await m.bootc.upgrade()
    const third = await m.reboot()
    expect(third.cmdline).not.toContain('from.etc=1')
    expect(third.cmdline).toContain('quiet')
  })

  test('or at once on demand', async () => {
    const m = await runningMachine()
    await etcKargs(m, 'kargs = ["from.etc=1"]\nmatch-architectures = ["x86_64"]')
    expect(await m.bootc.editKargs({ fromEtc: true })).toMatchObject({ outcome: 'staged' })
    expect(await words(m)).toContain('from.etc=1')
  })

  test('a slip in a file does not keep the machine from updates, and is told', async () => {
    const m = await runningMachine()
    await etcKargs(m, 'kargs = "from.etc=1"')
    m.publish(2)
    const { outcome, warnings } = await m.bootc.upgrade()
    expect(outcome).toBe('staged')
    expect(warnings).toMatchObject([{ code: 'deploy:etc-kargs' }])
    expect(warnings[0]!.message).toContain('/etc/bootc/kargs.d/10.toml')
    await expect(m.bootc.editKargs({ fromEtc: true })).rejects.toMatchObject({ code: 'IMAGE_KARGS_INVALID' })
  })
})
