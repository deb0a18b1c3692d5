import { describe, expect, test } from 'vitest'
import { BootcError } from '../../src/errors.js'
import type { SysrootLock } from '../../src/interfaces/index.js'
import {
  memoryBackend,
  memoryDir,
  memorySysroot,
  powerCutSysroot,
  simulateBoot,
  type MemorySysroot,
} from '../../src/testing/index.js'
import { machine, runningMachine, stable } from './machine.js'

const broken = () => new BootcError('TREE_IO', 'input/output error')

/** Whole content below the deployments and the boot volume, to see that nothing was left. */
async function filesOf(sysroot: MemorySysroot): Promise<string[]> {
  const paths: string[] = []
  const walk = async (path: string): Promise<void> => {
    for await (const { name, stat } of sysroot.root.list(path)) {
      const child = path === '' ? name : `${path}/${name}`
      paths.push(child)
      if (stat.type === 'directory') await walk(child)
    }
  }
  await walk('')
  return paths.filter((path) => !/^memory\/(?:layers|images|blobs|files|objects)/.test(path))
}

describe('install', () => {
  test('refuses a root that holds something', async () => {
    const root = memoryDir({ directories: ['boot', 'lost+found', 'etc'] })
    await root.write('etc/passwd', Buffer.from('root'))
    const m = await machine({ sysroot: memorySysroot({ root }) })
    await expect(m.bootc.install({ source: stable })).rejects.toMatchObject({
      code: 'SYSROOT_NOT_EMPTY',
      details: { path: 'etc/passwd' },
    })
    expect(await filesOf(m.sysroot)).toEqual(['boot', 'etc', 'etc/passwd', 'lost+found'])
  })

  test('wipes it when told to', async () => {
    const root = memoryDir({ directories: ['boot', 'etc'] })
    const m = await machine({ sysroot: memorySysroot({ root, boot: 'volume' }) })
    await m.bootc.install({ source: stable, replace: 'wipe' })
    expect(await root.stat('etc')).toBeUndefined()
    expect((await m.boot()).version).toBe('1')
  })

  test('of an image that is not there touches nothing', async () => {
    const m = await machine()
    const source = { ...stable, image: { ...stable.image, name: 'registry.example/none:1' } }
    await expect(m.bootc.install({ source })).rejects.toMatchObject({ code: 'TRANSPORT_NOT_FOUND' })
    expect(await filesOf(m.sysroot)).toEqual(['boot'])
  })

  test('lets the store go when the image cannot be looked at', async () => {
    let held = 0
    const first = memoryBackend()
    const init: typeof first.init = async (...parts) => {
      const store = await first.init(...parts)
      return {
        ...store,
        images: { ...store.images, open: () => Promise.reject(broken()) },
        lock: () => {
          held++
          return Promise.resolve({ [Symbol.asyncDispose]: async () => void held-- })
        },
      }
    }
    const stores = [
      { ...first, init },
      { ...memoryBackend(), name: 'other', boots: ['linux', 'uki'] as const },
    ]
    const m = await machine({ parts: { stores } })
    await expect(m.bootc.install({ source: stable })).rejects.toMatchObject({ code: 'TREE_IO' })
    expect(held).toBe(0)
  })

  test('that was cut off can be repeated', async () => {
    const base = memorySysroot()
    let cuts = 0
    for (let writes = 0; ; writes += 7) {
      const { sysroot, supply } = powerCutSysroot(base)
      supply.cutAfter(writes)
      const first = await machine({ sysroot })
      const done = await first.bootc.install({ source: stable }).then(
        () => true,
        () => false,
      )
      if (done) break
      cuts++
      const again = await machine({ sysroot: memorySysroot({ ...sysroot.disks }) })
      await again.bootc.install({ source: stable })
      expect((await again.boot()).version).toBe('1')
      expect(await again.versions()).toEqual(['1'])
      expect(await sysroot.disks.root.stat('.bootc-install-unfinished')).toBeUndefined()
    }
    expect(cuts).toBeGreaterThan(5)
  })

  test('over the running stateroot is refused', async () => {
    const m = await runningMachine()
    await expect(m.bootc.install({ source: stable, replace: 'alongside' })).rejects.toMatchObject({
      code: 'DEPLOY_STATEROOT_BOOTED',
    })
  })

  test('alongside another stateroot keeps that one bootable', async () => {
    const m = await machine()
    await m.bootc.install({ source: stable })
    await expect(m.bootc.install({ source: stable })).rejects.toMatchObject({ code: 'SYSROOT_NOT_EMPTY' })
    m.publish(2)
    await m.bootc.install({ source: stable, stateroot: 'second', replace: 'alongside' })
    expect((await m.boot()).version).toBe('2')
    const { order } = await m.bootc.status()
    expect(order.map(({ deployment }) => deployment.stateroot)).toEqual(['second', 'default'])
    expect((await simulateBoot(m.sysroot, { entry: 1 })).version).toBe('1')
  })

  test('names what was not given', async () => {
    const m = await machine()
    await expect(m.bootc.install({ source: stable, store: 'composefs' })).rejects.toMatchObject({
      code: 'SYSROOT_UNKNOWN_PROVIDER',
    })
  })

  test('puts a boot volume into fstab and the kernel command line', async () => {
    const m = await machine()
    await m.bootc.install({ source: stable, bootMountSpec: 'UUID=1234' })
    const boot = await m.boot()
    expect(boot.cmdline).toContain('boot=UUID=1234')
    expect(await boot.read('etc/fstab')).toBe('UUID=1234 /boot auto ro 0 0\n')
  })
})

describe('a read-only sysroot', () => {
  test('answers status and refuses writers before any write', async () => {
    const m = await runningMachine()
    const sysroot = {
      ...m.sysroot,
      readOnly: true,
      lock: (): Promise<SysrootLock> => Promise.reject(broken()),
    }
    const frozen = await machine({ sysroot })
    expect((await frozen.bootc.status()).order).toHaveLength(1)
    for (const run of [
      () => frozen.bootc.upgrade(),
      () => frozen.bootc.rollback(),
      () => frozen.bootc.prune(),
      () => frozen.bootc.finalize(),
      () => frozen.bootc.install({ source: stable }),
    ]) {
      await expect(run()).rejects.toMatchObject({ code: 'SYSROOT_READ_ONLY' })
    }
  })
})

describe('writers', () => {
  test('wait for each other, status for nobody', async () => {
    const m = await runningMachine()
    m.publish(2)
    const held = await m.sysroot.lock()
    let ended = false
    const upgrading = m.bootc.upgrade().finally(() => (ended = true))
    expect((await m.bootc.status()).booted?.deployment.version).toBe('1')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(ended).toBe(false)
    await held[Symbol.asyncDispose]()
    expect((await upgrading).outcome).toBe('staged')
  })

  test('give up after the time they were given', async () => {
    const m = await machine({ parts: { lockTimeoutMs: 0 } })
    await m.bootc.install({ source: stable })
    await using _held = await m.sysroot.lock()
    await expect(m.bootc.upgrade()).rejects.toMatchObject({ code: 'TREE_LOCKED' })
  })
})

describe('a failing disk', () => {
  test.each([{ relink: false }, { relink: true }])(
    'at any write of an upgrade leaves the old or the new system (relink: $relink)',
    { timeout: 120_000 },
    async (options) => {
      const m = await machine(options)
      await m.bootc.install({ source: stable })
      const base = await filesOf(m.sysroot)
      const seen = new Set<string>()
      for (let write = 0; ; write += 3) {
        const { sysroot, supply } = powerCutSysroot(m.sysroot)
        supply.failAt(write, broken)
        const trial = await machine({ ...options, sysroot })
        trial.publish(2)
        const outcome = await trial.bootc.upgrade().then(
          (result) => result.outcome,
          () => 'failed',
        )
        const { version } = await simulateBoot(sysroot)
        seen.add(`${outcome} ${version}`)
        // The store keeps layers that arrived; of deployment and boot files nothing may stay behind.
        if (outcome === 'failed' && version === '1' && supply.log.length > write + 1) {
          const left = (await filesOf(sysroot)).filter((path) => !base.includes(path))
          expect(left.filter((path) => /deploy\/|entries/.test(path))).toEqual([])
        }
        const again = await machine({ ...options, sysroot: memorySysroot({ ...sysroot.disks }) })
        again.publish(2)
        expect(['deployed', 'up-to-date']).toContain((await again.bootc.upgrade()).outcome)
        expect((await again.boot()).version).toBe('2')
        if (write >= supply.log.length) break
      }
      expect(seen).toContain('failed 1')
      expect(seen).toContain('deployed 2')
    },
  )
})

describe('finalize', () => {
  test.each([{ relink: false }, { relink: true }])(
    'cut off at any write boots the old or the new system, and ends when repeated (relink: $relink)',
    { timeout: 120_000 },
    async (options) => {
      const m = await runningMachine(options)
      m.publish(2)
      await m.bootc.upgrade()
      for (let write = 0; ; write++) {
        const { sysroot, supply } = powerCutSysroot(m.sysroot)
        supply.failAt(write, broken)
        const trial = await machine({ ...options, sysroot })
        const failed = await trial.bootc.finalize().then(
          () => false,
          () => true,
        )
        const { version } = await simulateBoot(sysroot)
        if (!failed) expect(version).toBe('2')
        await trial.bootc.finalize()
        expect((await simulateBoot(sysroot)).version).toBe('2')
        expect(await trial.versions()).toEqual(['2', '1'])
        if (write >= supply.log.length) break
      }
    },
  )

  test('with nothing staged does nothing', async () => {
    const m = await runningMachine()
    expect(await m.bootc.finalize()).toEqual({ outcome: 'nothing-staged', warnings: [] })
  })
})

describe('abort', () => {
  test('during an upgrade takes away what was made', async () => {
    const m = await runningMachine()
    m.publish(2)
    const before = await filesOf(m.sysroot)
    const abort = new AbortController()
    const reason = new Error('enough')
    const upgrading = m.bootc.upgrade({
      signal: abort.signal,
      onProgress: ({ type, detail }) =>
        type === 'stage:step' && detail.step === 'merging' && detail.done && abort.abort(reason),
    })
    await expect(upgrading).rejects.toBe(reason)
    expect(await filesOf(m.sysroot)).toEqual(before)
    expect((await m.bootc.upgrade()).outcome).toBe('staged')
  })
})
