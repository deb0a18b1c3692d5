import { describe, expect, test } from 'vitest'
import type { BootSpec, Sysroot } from '@bootc-sdk/core'
import { describeTree, memorySysroot, readText } from '@bootc-sdk/core/testing'
import { parseUserCfg } from '../src/format/user-cfg.js'
import { grubBootloader } from '../src/index.js'
import { idOf, ukiSpecs as specs } from './uki-specs.js'

async function setup(uuid: string | undefined = '1A2B-3C4D') {
  const whole = memorySysroot({ boot: 'volume', esp: 'volume' })
  const [esp] = whole.esps
  const sysroot: Sysroot = { ...whole, esps: [{ ...esp!, ...(uuid === '' ? {} : { uuid }) }] }
  const lock = await sysroot.lock()
  const loader = await grubBootloader().init(sysroot, lock, { entrySet: 'exchange' })
  return {
    ...{ loader, lock, boot: whole.disks.boot!, esp: whole.disks.esp! },
    async apply(list: readonly BootSpec[]) {
      const plan = await loader.plan(list, 0)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
    },
  }
}

/** bootc's, in the order of its own words. @see bootc 1.16.9 crates/lib/src/parsers/grub_menuconfig.rs */
const entryOf = (letter: string) =>
  [
    `menuentry "Edge OS ${letter}: (${idOf(letter)})" {`,
    ...['insmod fat', 'insmod chain', 'search --no-floppy --set=root --fs-uuid "${EFI_PART_UUID}"'],
    `chainloader /EFI/Linux/bootc/bootc_composefs-${idOf(letter)}.efi`,
    ...['}', ''],
  ].join('\n')
const source = `
if [ -f \${config_directory}/efiuuid.cfg ]; then
        source \${config_directory}/efiuuid.cfg
fi
`

test('entries are what bootc prints, with the choice of the default before them', async () => {
  const { boot, esp, apply } = await setup()
  await apply(await specs('ab'))
  const text = (await readText(boot, 'grub2/user.cfg'))!
  expect(text.startsWith(source)).toBe(true)
  expect(text.endsWith(entryOf('a') + entryOf('b'))).toBe(true)
  // bootc skips everything before the first of these words.
  expect(text.indexOf('menuentry')).toBe(text.indexOf(entryOf('a')))
  expect(await readText(boot, 'grub2/efiuuid.cfg')).toBe('set EFI_PART_UUID="1A2B-3C4D"')
  const image = `EFI/Linux/bootc/bootc_composefs-${idOf('a')}.efi`
  expect((await esp.stat(image))?.type).toBe('file')
  expect(await readText(esp, `${image}.extra.d/debug.addon.efi`)).toBe('addon')
})

test('a file of bootc is read, and kept when it says the same', async () => {
  const { loader, boot, apply } = await setup()
  await apply(await specs('ab'))
  await boot.write('grub2/user.cfg', Buffer.from(source + entryOf('b') + entryOf('a')))
  const { entries, prepared } = await loader.read()
  expect(entries.map(({ title, options }) => [title, options])).toEqual([
    ['Edge OS b', `root=UUID=0d composefs=${idOf('b')}`],
    ['Edge OS a', `root=UUID=0d composefs=${idOf('a')}`],
  ])
  expect(prepared).toEqual([])
  expect(await grubBootloader().detect(memorySysroot({ boot }))).toEqual({
    evidence: "boot volume's grub2/user.cfg has boot entries",
  })
})

test('what is prepared does not boot until one rename, and goes with a prune', async () => {
  const { loader, lock, boot, esp, apply } = await setup()
  await apply(await specs('a'))
  const plan = await loader.plan(await specs('ba'), 0)
  expect(plan).toMatchObject({ changed: true, bytesNeeded: { boot: 0 } })
  expect(plan.bytesNeeded.esp).toBeGreaterThan(1000)
  await loader.prepare(plan, lock)
  const read = await loader.read()
  expect([read.entries.length, read.prepared.length]).toEqual([1, 2])
  await loader.prune([...read.entries, ...read.prepared], lock)
  await loader.commit(plan, lock)
  expect((await loader.read()).entries.map(({ title }) => title)).toEqual(['Edge OS b', 'Edge OS a'])
  expect((await loader.plan(await specs('ba'), 0)).changed).toBe(false)

  await apply(await specs('b'))
  await loader.prune((await loader.read()).entries, lock)
  const lines = (await describeTree(esp)).filter((line) => line.includes('bootc_composefs-'))
  expect(lines.some((line) => line.includes(idOf('a')))).toBe(false)
  expect(lines.some((line) => line.includes(idOf('b')))).toBe(true)
  expect(await boot.stat('grub2/user.cfg.staged')).toBeUndefined()
})

test('trials and one-shot boots name entries of that file', async () => {
  const { loader, lock, boot, apply } = await setup()
  await apply(await specs('a'))
  await apply(await specs('ba', { left: 2, done: 0 }))
  const { entries } = await loader.read()
  expect(entries.map(({ count }) => count)).toEqual([{ left: 2, done: 0 }, undefined])
  await loader.bootOnce!(entries[1], lock)
  expect(await readText(boot, 'grub2/grubenv')).toContain(`\nnext_entry=Edge OS a: (${idOf('a')})\n`)
  await loader.markGood!(entries[0]!, lock)
  expect((await loader.read()).entries[0]?.count).toBeUndefined()
})

test('the password of GRUB, which has the same file, stays', async () => {
  const { boot, apply } = await setup()
  await boot.mkdir('grub2')
  await boot.write('grub2/user.cfg', Buffer.from('GRUB2_PASSWORD=grub.pbkdf2.sha512.10000.AB.CD\n'))
  await apply(await specs('a'))
  expect(await readText(boot, 'grub2/user.cfg')).toMatch(
    /^GRUB2_PASSWORD=grub\.pbkdf2\.sha512\.10000\.AB\.CD\n/,
  )
})

describe('refused before the first write', () => {
  test('is an ESP whose UUID is not known', async () => {
    const { loader } = await setup('')
    await expect(loader.plan(await specs('a'), 0)).rejects.toMatchObject({ code: 'BOOT_UNSUPPORTED_VOLUME' })
  })

  test('is a machine without an ESP', async () => {
    const sysroot = memorySysroot({ boot: 'volume' })
    const loader = await grubBootloader().open(sysroot)
    await expect(loader.plan(await specs('a'), 0)).rejects.toMatchObject({ code: 'BOOT_UNSUPPORTED_VOLUME' })
  })
})

test.each([
  ['nothing', ''],
  ['half an entry', 'menuentry "a" {\nchainloader /EFI/Linux/bootc/x.efi\n'],
  ['an entry without a program', 'menuentry "a" {\ninsmod fat\n}\n'],
  ['quotes without an end', 'menuentry "a {\nchainloader /x.efi\n}\n'],
  ['many braces', '{'.repeat(5000) + '"'.repeat(5000)],
])('%s has no entries', (_name, text) => {
  expect(parseUserCfg(text)).toEqual([])
})
