import { describe, expect, test } from 'vitest'
import type { BootSpec, BootVersion } from '@bootc-sdk/core'
import { memorySysroot, readAll, readText, type MemorySysroot } from '@bootc-sdk/core/testing'
import { parseEnvironment, printEnvironment } from '../src/format/environment.js'
import { grubBootloader, type GrubOptions } from '../src/index.js'
import { one, three } from './specs.js'

async function setup(sysroot: MemorySysroot = memorySysroot({ boot: 'volume' }), options: GrubOptions = {}) {
  const lock = await sysroot.lock()
  const loader = await grubBootloader(options).init(sysroot, lock)
  const { dir } = sysroot.boot
  return {
    ...{ sysroot, lock, loader, dir },
    async apply(specs: readonly BootSpec[], version: BootVersion) {
      const plan = await loader.plan(specs, version)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
    },
    async variables() {
      return Object.fromEntries(parseEnvironment(Buffer.from(await readAll(dir, 'grub/grubenv')))!.variables)
    },
    async set(variables: Readonly<Record<string, string>>) {
      if ((await dir.stat('grub')) === undefined) await dir.mkdir('grub')
      await dir.write(
        'grub/grubenv',
        printEnvironment({ comments: [], variables: new Map(Object.entries(variables)) }),
      )
    },
  }
}

async function onTrial(version: BootVersion, left = 3, done = 0): Promise<BootSpec[]> {
  const [first, ...others] = await three(version)
  return [{ ...first!, count: { left, done } }, ...others]
}

describe('a trial', () => {
  test('is in the environment under the names of greenboot, and is the count of the default', async () => {
    const { loader, apply, variables, set } = await setup()
    await set({ saved_entry: 'x', boot_success: '1' })
    await apply(await onTrial(1), 1)
    expect(await variables()).toMatchObject({ saved_entry: 'x', boot_counter: '3', boot_success: '0' })
    const { entries } = await loader.read()
    expect(entries.map(({ count }) => count)).toEqual([{ left: 3, done: 0 }, undefined, undefined])
  })

  test('goes on where it was, with the tries that GRUB has counted', async () => {
    const { loader, apply, variables, set } = await setup()
    await apply(await onTrial(1, 3), 1)
    await set({ ...(await variables()), boot_counter: '1' })
    expect((await loader.read()).entries[0]?.count).toEqual({ left: 1, done: 2 })
    expect((await loader.plan(await three(1), 1)).changed).toBe(false)
    expect((await loader.plan(await onTrial(1, 1, 2), 1)).changed).toBe(false)
    expect((await loader.plan(await onTrial(1, 3), 1)).changed).toBe(true)
  })

  test.each(['0', '-1'])('that is used up (%s) puts its entry last', async (counter) => {
    const { loader, apply, variables, set } = await setup()
    await apply(await onTrial(1, 2), 1)
    await set({ ...(await variables()), boot_counter: counter })
    const { entries } = await loader.read()
    expect(entries.map(({ version, count }) => [version, count])).toEqual([
      ['2', undefined],
      ['1', undefined],
      ['3', { left: 0, done: 2 }],
    ])
  })

  test('ends well by markGood, and then counts no more', async () => {
    const { loader, lock, apply, variables } = await setup()
    await apply(await onTrial(1), 1)
    const [first, second] = (await loader.read()).entries
    await loader.markGood!(second!, lock)
    expect((await loader.read()).entries[0]?.count).toBeDefined()
    await loader.markGood!(first!, lock)
    await loader.markGood!(first!, lock)
    expect(await variables()).toEqual({ boot_success: '1' })
    expect((await loader.read()).entries[0]?.count).toBeUndefined()
    const gone = { ...first!, fileName: 'ostree-9.conf' }
    await expect(loader.markGood!(gone, lock)).rejects.toMatchObject({ code: 'BOOT_ENTRY_NOT_FOUND' })
  })

  test('of an entry that boots no more is forgotten, and counters of others are not', async () => {
    const { apply, variables, set } = await setup()
    await apply(await onTrial(1), 1)
    await apply(await one(0), 0)
    expect(await variables()).toEqual({ boot_success: '0' })
    await set({ boot_counter: '2', boot_success: '0' })
    await apply(await three(1), 1)
    expect(await variables()).toEqual({ boot_counter: '2', boot_success: '0' })
  })

  test('whose switch never came counts for nothing, and goes with the next clean-up', async () => {
    const { loader, lock, apply, variables, dir } = await setup()
    await apply(await one(0), 0)
    const plan = await loader.plan(await onTrial(1), 1)
    await loader.prepare(plan, lock)
    await loader.commit(plan, lock)
    // As if the link had not been switched.
    await dir.remove('loader')
    await dir.symlink('loader.0', 'loader')
    const { entries } = await loader.read()
    expect(entries.map(({ count }) => count)).toEqual([undefined])
    expect(await variables()).toMatchObject({ boot_counter: '3' })
    await loader.prune(entries, lock)
    expect(await variables()).toEqual({ boot_success: '0' })
  })

  test('needs an entry to fall back to, and is of nine tries at most', async () => {
    const { loader, apply } = await setup()
    const [only] = await one(1)
    await apply([{ ...only!, count: { left: 3, done: 0 } }], 1)
    expect((await loader.read()).entries[0]?.count).toBeUndefined()
    expect((await loader.plan([{ ...only!, count: { left: 3, done: 0 } }], 1)).changed).toBe(false)
    await apply(await onTrial(0, 50), 0)
    expect((await loader.read()).entries[0]?.count).toEqual({ left: 9, done: 0 })
    expect((await loader.plan(await onTrial(0, 50), 0)).changed).toBe(false)
  })

  test('is not claimed where GRUB cannot write', async () => {
    const btrfs = { ...memorySysroot({ boot: 'volume' }) }
    const { loader } = await setup({ ...btrfs, boot: { ...btrfs.boot, fsType: 'btrfs' } } as MemorySysroot)
    expect(loader.supports).toMatchObject({ bootCounting: false, oneShot: false })
    expect([loader.markGood, loader.bootOnce]).toEqual([undefined, undefined])
    for (const [layers, bootCounting] of [
      [['lvm'], false],
      [['crypt', 'raid'], false],
      [['crypt'], true],
    ] as const) {
      const plain = memorySysroot({ boot: 'volume' })
      const sysroot = { ...plain, boot: { ...plain.boot, layers } }
      expect((await setup(sysroot)).loader.supports).toMatchObject({ bootCounting, oneShot: bootCounting })
    }
    const linked = memorySysroot({ boot: 'volume' })
    await linked.boot.dir.mkdir('grub2')
    await linked.boot.dir.symlink('../efi/EFI/fedora/grubenv', 'grub2/grubenv')
    expect((await setup(linked)).loader.supports.bootCounting).toBe(false)
  })

  test('is not claimed where the configuration of somebody else does not count', async () => {
    const sysroot = memorySysroot({ boot: 'volume' })
    await sysroot.boot.dir.mkdir('grub2')
    const write = (text: string) => sysroot.boot.dir.write('grub2/grub.cfg', Buffer.from(text))
    await write('blscfg\n')
    expect((await grubBootloader().open(sysroot)).supports.bootCounting).toBe(false)
    await write('if [ "${boot_counter}" = "0" ]; then\nset default=1\nfi\nblscfg\n')
    expect((await grubBootloader().open(sysroot)).supports).toMatchObject({
      bootCounting: true,
      oneShot: false,
    })
  })

  test.each([
    ['a damaged file', Buffer.from('not an environment')],
    ['zeros', Buffer.alloc(1024)],
  ])('begins in place of %s, which says nothing', async (_name, data) => {
    const { loader, dir, apply } = await setup()
    await dir.mkdir('grub')
    await dir.write('grub/grubenv', data)
    await apply(await three(0), 0)
    expect((await loader.read()).entries[0]?.count).toBeUndefined()
    await apply(await onTrial(1), 1)
    expect((await loader.read()).entries[0]?.count).toEqual({ left: 3, done: 0 })
    expect((await dir.stat('grub/grubenv'))?.sizeBytes).toBe(1024)
  })
})

test('an entry to boot once is named as grub-reboot does, and can be taken back', async () => {
  const { loader, lock, apply, variables } = await setup()
  await apply(await three(1), 1)
  await loader.bootOnce!((await loader.read()).entries[1], lock)
  expect(await variables()).toEqual({ next_entry: 'ostree-2' })
  await loader.bootOnce!(undefined, lock)
  expect(await variables()).toEqual({})
})

describe('the menu', () => {
  test('lies where libostree puts its own, and is switched with the entries', async () => {
    const { loader, lock, apply, dir } = await setup()
    await apply(await one(1), 1)
    const titles = async () =>
      [...(await readText(dir, 'loader.1/grub.cfg'))!.matchAll(/^menuentry '(.*?)'/gm)].map(
        ([, title]) => title,
      )
    expect(await titles()).toEqual(['Golden Linux 1 1.0 (ostree:0)'])
    const plan = await loader.plan(await three(0), 0)
    await loader.prepare(plan, lock)
    await dir.remove('loader.0/grub.cfg')
    await expect(loader.commit(plan, lock)).rejects.toMatchObject({ code: 'BOOT_NOT_PREPARED' })
  })

  test('has entries of other programs, and one that is missing or out of date is a change', async () => {
    const { loader, apply, dir } = await setup()
    await apply(await one(1), 1)
    await dir.write('loader.1/entries/memtest.conf', Buffer.from('title Memtest\nlinux /memtest.bin\n'))
    expect((await loader.plan(await one(1), 1)).changed).toBe(true)
    await apply(await one(0), 0)
    expect(await readText(dir, 'loader.0/grub.cfg')).toContain("menuentry 'Memtest' --id 'memtest'")
    expect((await loader.plan(await one(0), 0)).changed).toBe(false)
    await dir.remove('loader.0/grub.cfg')
    expect((await loader.plan(await one(0), 0)).changed).toBe(true)
  })

  const configs = [
    ['a configuration that calls blscfg', 'grub2/grub.cfg', 'set timeout=1\nblscfg\n', false],
    [
      'the state of bootupd with static configurations',
      'bootupd-state.json',
      '{"static-configs":{"timestamp":"x"}}',
      false,
    ],
    ['the state of bootupd without them', 'bootupd-state.json', '{"static-configs":null}', true],
    ['another configuration', 'grub/grub.cfg', '# blscfg\nmenuentry x { }\n', true],
  ] as const
  test.each(configs)('beside %s', async (_name, path, text, wanted) => {
    const { sysroot, dir, apply, lock } = await setup()
    if (path.includes('/')) await dir.mkdir(path.split('/')[0]!)
    await dir.write(path, Buffer.from(text))
    await apply(await one(1), 1)
    expect((await dir.stat('loader.1/grub.cfg')) !== undefined).toBe(wanted)
    await lock[Symbol.asyncDispose]()
    const always = await setup(sysroot, { menu: 'always' })
    await always.apply(await one(0), 0)
    expect(await dir.stat('loader.0/grub.cfg')).toBeDefined()
    await always.lock[Symbol.asyncDispose]()
    const never = await setup(sysroot, { menu: 'never' })
    await never.apply(await one(1), 1)
    expect(await dir.stat('loader.1/grub.cfg')).toBeUndefined()
  })
})
