import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { BootSpec, BootVersion, Sysroot } from '@bootc-sdk/core'
import {
  memorySysroot,
  PowerCut,
  powerCutSysroot,
  readText,
  type MemorySysroot,
} from '@bootc-sdk/core/testing'
import { parseUserCfg } from '../src/format/user-cfg.js'
import { grubBootloader } from '../src/index.js'
import { one, three } from './specs.js'
import { idOf, ukiSpecs } from './uki-specs.js'

const hasTool = spawnSync('grub-script-check', ['--version']).status === 0
if (!hasTool && process.env['CI']) throw new Error('grub-script-check is missing')

/** With what Node finds out about volumes. */
function known(sysroot: MemorySysroot): Sysroot {
  const [esp] = sysroot.esps
  return {
    ...sysroot,
    boot: { ...sysroot.boot, uuid: '0d6b1f0e-6f0c-4d1a-9f57-0a6a1c2f3b4d' },
    esps: [{ ...esp!, uuid: '1A2B-3C4D' }],
  }
}

async function open(sysroot: Sysroot) {
  const lock = await sysroot.lock()
  const loader = await grubBootloader().open(sysroot)
  return {
    ...{ loader, lock },
    async apply(list: readonly BootSpec[], version: BootVersion) {
      const plan = await loader.plan(list, version)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
      const { entries } = await loader.read()
      await loader.prune(entries, lock)
    },
    titles: async () => (await loader.read()).entries.map(({ title }) => title),
  }
}

async function machine() {
  const memory = memorySysroot({ boot: 'volume', esp: 'volume' })
  return { memory, boot: memory.disks.boot!, esp: memory.disks.esp!, ...(await open(known(memory))) }
}

const kernel = 'Golden Linux 1 1.0 (ostree:0)'

describe('a menu of unified images and kernels with an initramfs', () => {
  test('is one file, in boot order, with everything that the boot entries say', async () => {
    const { boot, loader, apply } = await machine()
    await apply(await one(0), 0)
    const before = (await loader.read()).entries
    const [a, b] = await ukiSpecs('ab')
    await apply([a!, ...(await one(1)), b!], 1)
    const { entries, version } = await loader.read()
    expect(version).toBe(1)
    expect(entries.map(({ title }) => title)).toEqual(['Edge OS a', kernel, 'Edge OS b'])
    expect(entries[1]).toEqual({ ...before[0]!, options: before[0]!.options.replace('boot.0', 'boot.1') })
    const text = (await readText(boot, 'grub2/user.cfg'))!
    expect(text.match(/^menuentry .*$/gm)).toEqual([
      `menuentry "Edge OS a: (${idOf('a')})" {`,
      `menuentry '${kernel}' --id 'ostree-1' --unrestricted {`,
      `menuentry "Edge OS b: (${idOf('b')})" {`,
    ])
    expect(text).toContain(
      "  search --no-floppy --fs-uuid --set=root '0d6b1f0e-6f0c-4d1a-9f57-0a6a1c2f3b4d'\n",
    )
    // The menu beside the boot entries, which would choose for itself, is left out.
    expect(text).toContain('\nset bootc_sdk_menu=user.cfg\n')
    expect((await loader.plan([a!, ...(await one(1)), b!], 1)).changed).toBe(false)
  })

  test.skipIf(!hasTool)('is a script that GRUB understands', async () => {
    const { boot, apply } = await machine()
    const [a] = await ukiSpecs('a')
    const [first] = await one(0)
    const hostile = { ...first!, title: `it's "$1" {\\`, kargs: ['a="b c"', "d='", 'e=\\'] }
    await apply([hostile, a!], 0)
    const input = (await readText(boot, 'grub2/user.cfg'))!
    expect(spawnSync('grub-script-check', { input, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
    expect(parseUserCfg(input)).toHaveLength(2)
  })

  test('is followed by the boot entries of its kernels, for programs that read those', async () => {
    const { boot, apply } = await machine()
    await apply(await three(0), 0)
    const [a] = await ukiSpecs('a')
    await apply([a!, ...(await one(1))], 1)
    expect(await boot.readlink('loader')).toBe('loader.1')
    expect(await readText(boot, 'loader.1/entries/ostree-1.conf')).toContain('ostree=/ostree/boot.1/')
    expect(await boot.stat('loader.1/entries/ostree-2.conf')).toBeUndefined()
    await apply([a!], 0)
    expect(await boot.stat('loader.0/entries/ostree-1.conf')).toBeUndefined()
    expect(
      await boot.stat('ostree/golden-3a346d63b0520828cf45820de536fe44642cdec9f6de707ddfdfb45aa5091db2'),
    ).toBeUndefined()
  })

  test('keeps entries of other programs where GRUB reads them', async () => {
    const { boot, apply } = await machine()
    await apply(await one(0), 0)
    await boot.write('loader.0/entries/memtest.conf', Buffer.from('title memtest\nlinux /memtest\n'))
    const [a] = await ukiSpecs('a')
    await apply([a!, ...(await one(1))], 1)
    await apply([a!], 0)
    await apply(await one(1), 1)
    expect(await readText(boot, 'loader.1/entries/memtest.conf')).toBe('title memtest\nlinux /memtest\n')
  })

  test('ends with the last unified image, in one step', async () => {
    const { boot, esp, loader, lock, apply, titles } = await machine()
    const [a] = await ukiSpecs('a')
    await apply([a!, ...(await one(0))], 0)
    const plan = await loader.plan(await one(1), 1)
    expect(plan.changed).toBe(true)
    await loader.prepare(plan, lock)
    expect(await titles()).toEqual(['Edge OS a', kernel])
    await loader.commit(plan, lock)
    expect(await titles()).toEqual([kernel])
    expect(await boot.stat('grub2/user.cfg')).toBeUndefined()
    expect(await readText(boot, 'loader.1/grub.cfg')).toContain(`menuentry '${kernel}'`)
    await loader.prune((await loader.read()).entries, lock)
    expect(await esp.stat(`EFI/Linux/bootc/bootc_composefs-${idOf('a')}.efi`)).toBeUndefined()
    expect((await loader.read()).version).toBe(1)
  })

  test('leaves a password behind', async () => {
    const { boot, apply } = await machine()
    await boot.mkdir('grub2')
    await boot.write('grub2/user.cfg', Buffer.from('GRUB2_PASSWORD=grub.pbkdf2.sha512.10000.AB.CD\n'))
    await apply(await ukiSpecs('a'), 0)
    await apply(await one(1), 1)
    expect(await readText(boot, 'grub2/user.cfg')).toBe('GRUB2_PASSWORD=grub.pbkdf2.sha512.10000.AB.CD\n')
  })

  test('counts for its first entry, of either kind, in the environment that GRUB had', async () => {
    const { boot, loader, lock, apply } = await machine()
    await apply(await one(0), 0)
    await boot.mkdir('grub')
    await boot.write('grub/grubenv', Buffer.from('# GRUB Environment Block\n'.padEnd(1024, '#')))
    const [a] = await ukiSpecs('a', { left: 3, done: 0 })
    const [old] = await one(1)
    await apply([a!, old!], 1)
    expect(await readText(boot, 'grub/grubenv')).toContain('\nboot_counter=3\n')
    expect(await readText(boot, 'grub2/user.cfg')).toContain('load_env -f "(${root})/grub/grubenv"')
    expect(await boot.stat('grub2/grubenv')).toBeUndefined()
    expect((await loader.read()).entries[0]?.count).toEqual({ left: 3, done: 0 })
    const [next] = await one(0)
    await apply([{ ...next!, count: { left: 2, done: 0 } }, (await ukiSpecs('a'))[0]!], 0)
    const { entries } = await loader.read()
    expect(entries.map(({ count }) => count)).toEqual([{ left: 2, done: 0 }, undefined])
    await loader.bootOnce!(entries[0], lock)
    expect(await readText(boot, 'grub/grubenv')).toContain('\nnext_entry=ostree-1\n')
    await loader.markGood!(entries[0]!, lock)
    expect((await loader.read()).entries[0]?.count).toBeUndefined()
  })
})

describe('a power cut before any write leaves the old menu or the new one', () => {
  const kinds = {
    kernels: async (version: BootVersion) => one(version),
    mixed: async (version: BootVersion) => [(await ukiSpecs('a'))[0]!, ...(await one(version))],
    'mixed, kernel first': async (version: BootVersion) => [
      ...(await one(version)),
      (await ukiSpecs('b'))[0]!,
    ],
    'unified images': async () => ukiSpecs('ba'),
  }
  const names = Object.keys(kinds) as (keyof typeof kinds)[]
  const ways = names.flatMap((from) => names.flatMap((to) => (from === to ? [] : [[from, to] as const])))
  test.each(ways)(
    'from %s to %s',
    async (from, to) => {
      const start = memorySysroot({ boot: 'volume', esp: 'volume' })
      const first = await open(known(start))
      await first.apply(await kinds[from](0), 0)
      const old = await first.titles()
      const wanted = (await kinds[to](1)).map(({ title }) => title)
      for (let writes = 0, isCut = true; isCut; writes++) {
        const { sysroot, supply, survivors } = powerCutSysroot(start)
        const machine = await open(known(sysroot))
        supply.cutAfter(writes)
        isCut = await machine.apply(await kinds[to](1), 1).then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof PowerCut)) throw error
            return true
          },
        )
        for (const { disks } of await survivors()) {
          const after = await open(
            known(memorySysroot({ root: disks.root, boot: disks.boot!, esp: disks.esp! })),
          )
          expect([old, wanted]).toContainEqual(await after.titles())
          const version: BootVersion = (await after.loader.read()).version === 1 ? 0 : 1
          await after.apply(await kinds[to](version), version)
          expect(await after.titles()).toEqual(wanted)
        }
      }
    },
    240_000,
  )
})
