import { describe, expect, test } from 'vitest'
import type { Bootloader, BootSpec, Dir, SysrootLock } from '@bootc-sdk/core'
import { sortForGrub } from '@bootc-sdk/core/bls'
import {
  describeTree,
  memoryDir,
  memorySysroot,
  readText,
  type MemorySysroot,
  type MemorySysrootOptions,
} from '@bootc-sdk/core/testing'
import { grubBootloader } from '../src/index.js'
import { one } from './specs.js'

const idOf = (letter: string) => letter.repeat(128)

interface Release {
  readonly letter: string
  readonly version: string
  readonly osId?: string
  /** Whose kernel it shares. */
  readonly kernelOf?: string
}

/** Specs as a composefs store makes them for this list, first = default. */
async function specs(...list: readonly Release[]): Promise<BootSpec[]> {
  const tree = memoryDir()
  await tree.write('vmlinuz', Buffer.from('KERNEL'))
  await tree.write('initrd', Buffer.from('INITRD'))
  return list.map(({ letter, version, osId = 'edge-os', kernelOf = letter }, index) => ({
    id: idOf(letter),
    title: `Edge OS ${version}`,
    version,
    osId,
    entrySet: 'exchange',
    fileName: `bootc_${osId.replaceAll('-', '_')}-${version}-${list.length - 1 - index}.conf`,
    artifact: {
      kind: 'linux',
      bootDigest: `sha256:${kernelOf.repeat(64)}`,
      dir: `bootc_composefs-${idOf(kernelOf)}`,
      kernel: { name: 'vmlinuz', tree, path: 'vmlinuz', sizeBytes: 6 },
      initrds: [{ name: 'initrd', tree, path: 'initrd', sizeBytes: 6 }],
    },
    rootKargs: [`composefs=?${idOf(letter)}`],
    kargs: ['root=UUID=0d', 'rw'],
    extra: [['sort-key', `bootc-${osId}-${index}`]],
  }))
}

interface Setup {
  readonly sysroot: MemorySysroot
  readonly lock: SysrootLock
  readonly loader: Bootloader
  apply(specs: BootSpec[], version?: 0 | 1): Promise<void>
}

async function setup(options: MemorySysrootOptions = { boot: 'volume' }): Promise<Setup> {
  const sysroot = memorySysroot(options)
  const lock = await sysroot.lock()
  const loader = await grubBootloader().init(sysroot, lock, { entrySet: 'exchange' })
  return {
    ...{ sysroot, lock, loader },
    async apply(list, version = 0) {
      const plan = await loader.plan(list, version)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
    },
  }
}

async function names(dir: Dir, path: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of dir.list(path)) found.push(name)
  return found
}

/** Without the generated menu. */
async function entryNames(dir: Dir): Promise<string[]> {
  return (await names(dir, 'loader/entries')).filter((name) => name !== 'grub.cfg')
}

const a: Release = { letter: 'a', version: '2.4.1' }
const b: Release = { letter: 'b', version: '2.5.0' }

describe('entries of exchanged sets', () => {
  test('are what bootc writes, byte for byte', async () => {
    const { sysroot, apply } = await setup({})
    await apply(await specs(a))
    const dir = `/boot/bootc_composefs-${idOf('a')}`
    expect(await readText(sysroot.root, 'boot/loader/entries/bootc_edge_os-2.4.1-0.conf')).toBe(
      [
        'title Edge OS 2.4.1',
        'version 2.4.1',
        `linux ${dir}/vmlinuz`,
        `initrd ${dir}/initrd`,
        `options root=UUID=0d rw composefs=?${idOf('a')}`,
        'sort-key bootc-edge-os-0',
        '',
      ].join('\n'),
    )
    expect(await readText(sysroot.root, `${dir.slice(1)}/vmlinuz`)).toBe('KERNEL')
  })

  test('keep the names bootc gives as long as these sort as wanted', async () => {
    const { sysroot, apply, loader } = await setup()
    await apply(await specs(b, a))
    expect(await entryNames(sysroot.boot.dir)).toEqual([
      'bootc_edge_os-2.4.1-0.conf',
      'bootc_edge_os-2.5.0-1.conf',
    ])
    expect((await loader.read()).entries.map(({ version }) => version)).toEqual(['2.5.0', '2.4.1'])
  })

  test.each([
    ['a rollback to an older version', [a, b]],
    [
      'a version that sorts higher as a number than as text',
      [
        { ...a, version: '13' },
        { ...b, version: '9' },
      ],
    ],
    [
      'another system',
      [
        { ...b, osId: 'alpha' },
        { ...a, osId: 'zulu' },
      ],
    ],
    [
      'versions with dashes',
      [
        { ...b, version: '1-rc' },
        { ...a, version: '2-beta' },
      ],
    ],
    ['one version in all', ['a', 'b', 'c', 'd'].map((letter) => ({ letter, version: '1' }))],
    ['more than ten', [...'0123456789ab'].map((letter, i) => ({ letter, version: String(i) }))],
  ] satisfies [string, Release[]][])('boot in the order that is wanted: %s', async (_name, list) => {
    const { sysroot, apply, loader } = await setup()
    await apply(await specs(...list))
    const { entries } = await loader.read()
    const order = list.map(({ letter }) => `composefs=?${idOf(letter)}`)
    expect(entries.map(({ options }) => options.split(' ').at(-1))).toEqual(order)
    // As GRUB sorts, and as bootc thinks that GRUB sorts.
    const found = await entryNames(sysroot.boot.dir)
    expect(sortForGrub(entries).map(({ fileName }) => fileName)).toEqual(found.toSorted().toReversed())
    expect(found.every((name) => /^bootc_[^-]*-.*-\d+\.conf$/.test(name))).toBe(true)
  })

  test('that share a kernel name the directory of one of them', async () => {
    const { sysroot, apply, loader, lock } = await setup()
    await apply(await specs({ ...b, kernelOf: 'a' }, a))
    await loader.prune((await loader.read()).entries, lock)
    expect(await names(sysroot.boot.dir, '')).toEqual([`bootc_composefs-${idOf('a')}`, 'loader'])
  })
})

describe('the exchange', () => {
  test('prepares beside the active set and leaves nothing of the old one', async () => {
    const { sysroot, apply, loader, lock } = await setup()
    const { dir } = sysroot.boot
    await apply(await specs(a))
    const plan = await loader.plan(await specs(b, a), 1)
    await loader.prepare(plan, lock)
    expect(await names(dir, 'loader')).toEqual(['entries', 'entries.staged'])
    expect((await loader.read()).entries).toHaveLength(1)
    expect((await loader.read()).prepared).toHaveLength(2)
    await loader.commit(plan, lock)
    expect(await names(dir, 'loader')).toEqual(['entries'])
    expect(await loader.read()).toMatchObject({ entries: [{ version: '2.5.0' }, {}], prepared: [] })
  })

  test('that was cut off before the old set was removed is cleaned up by a prune', async () => {
    const { sysroot, apply, loader, lock } = await setup()
    const { dir } = sysroot.boot
    await apply(await specs(a))
    await loader.prepare(await loader.plan(await specs({ ...b, kernelOf: 'a' }), 1), lock)
    await dir.rename('loader/entries.staged', 'loader/entries', { exchange: true })
    const { entries, prepared } = await loader.read()
    expect([entries[0]?.version, prepared[0]?.version]).toEqual(['2.5.0', '2.4.1'])
    await loader.prune(entries, lock)
    expect(await names(dir, 'loader')).toEqual(['entries'])
    expect(await names(dir, `bootc_composefs-${idOf('a')}`)).toEqual(['initrd', 'vmlinuz'])
  })

  test('takes entries of other programs along', async () => {
    const { sysroot, apply, loader } = await setup()
    const { dir } = sysroot.boot
    await apply(await specs(a))
    const memtest = 'title Memtest\nlinux /memtest.bin\n'
    await dir.write('loader/entries/memtest.conf', Buffer.from(memtest))
    await dir.write('loader/loader.conf', Buffer.from('timeout 5\n'))
    await apply(await specs(b))
    expect(await readText(dir, 'loader/entries/memtest.conf')).toBe(memtest)
    expect(await readText(dir, 'loader/loader.conf')).toBe('timeout 5\n')
    expect((await loader.read()).entries).toHaveLength(1)
  })

  test('finds and replaces entries of an older bootc, whose kernels have no prefix', async () => {
    const { sysroot, apply, loader } = await setup()
    const { dir } = sysroot.boot
    await dir.mkdir('loader')
    await dir.mkdir('loader/entries')
    const text = `title Old\nversion 1\nlinux /${idOf('c')}/vmlinuz\noptions composefs=${idOf('c')}\n`
    await dir.write('loader/entries/bootc-composefs-1.conf', Buffer.from(text))
    expect((await loader.read()).entries).toMatchObject([{ title: 'Old' }])
    await apply(await specs(a))
    expect(await entryNames(dir)).toEqual(['bootc_edge_os-2.4.1-0.conf'])
  })

  test('is refused where the file system cannot do it, but for the first set', async () => {
    const whole = memorySysroot({ boot: 'volume' })
    const { dir } = whole.boot
    const supports = { ...dir.supports, exchange: false }
    const boot = { ...whole.boot, dir: { ...dir, supports } }
    const sysroot = { ...whole, boot }
    await using lock = await sysroot.lock()
    const loader = await grubBootloader().init(sysroot, lock, { entrySet: 'exchange' })
    const first = await loader.plan(await specs(a), 0)
    await loader.prepare(first, lock)
    await loader.commit(first, lock)
    const before = await describeTree(dir)
    await expect(loader.plan(await specs(b, a), 1)).rejects.toMatchObject({ code: 'BOOT_UNSUPPORTED_VOLUME' })
    expect(await describeTree(dir)).toEqual(before)
  })
})

describe('a volume that has the link of libostree', () => {
  test('keeps it, with entries of both kinds in one set and in order', async () => {
    const { sysroot, loader, apply } = await setup()
    await apply(await one(1), 1)
    const [ostree] = await one(0)
    await apply([...(await specs(a)), ostree!], 0)
    expect(await sysroot.boot.dir.readlink('loader')).toBe('loader.0')
    const first = await loader.read()
    expect(first.version).toBe(0)
    expect(first.entries.map(({ title }) => title)).toEqual(['Edge OS 2.4.1', ostree!.title])
    expect(first.entries[1]?.fileName).toBe('ostree-1.conf')
    const [again] = await one(1)
    await apply([again!, ...(await specs(a))], 1)
    expect((await loader.read()).entries.map(({ title }) => title)).toEqual([ostree!.title, 'Edge OS 2.4.1'])
    await apply(await specs(b, a), 0)
    expect((await loader.read()).entries.map(({ version }) => version)).toEqual(['2.5.0', '2.4.1'])
  })

  test('takes the place of a directory in one step when entries of libostree come', async () => {
    const { sysroot, lock, loader, apply } = await setup()
    const { dir } = sysroot.boot
    await apply(await specs(a))
    const [ostree] = await one(1)
    const plan = await loader.plan([ostree!, ...(await specs(a))], 1)
    await loader.prepare(plan, lock)
    expect((await loader.read()).entries.map(({ title }) => title)).toEqual(['Edge OS 2.4.1'])
    await loader.commit(plan, lock)
    expect(await dir.readlink('loader')).toBe('loader.1')
    expect((await loader.read()).entries.map(({ title }) => title)).toEqual([ostree!.title, 'Edge OS 2.4.1'])
    expect((await names(dir, '')).filter((name) => name.startsWith('loader'))).toEqual(['loader', 'loader.1'])
    await apply([...(await specs(a)), ostree!], 0)
    expect((await loader.read()).entries.map(({ title }) => title)).toEqual(['Edge OS 2.4.1', ostree!.title])
  })

  test('does not take the place of a directory that holds more than entries', async () => {
    const { sysroot, loader, apply } = await setup()
    await apply(await specs(a))
    await sysroot.boot.dir.write('loader/loader.conf', Buffer.from('timeout 5\n'))
    await expect(loader.plan(await one(1), 1)).rejects.toMatchObject({ code: 'BOOT_UNSUPPORTED_LAYOUT' })
  })
})

test('the provider tells which layout it found', async () => {
  const { sysroot, apply } = await setup()
  expect(await grubBootloader().detect(sysroot)).toBeUndefined()
  await apply(await specs(a))
  expect(await grubBootloader().detect(sysroot)).toEqual({
    evidence: "boot volume's entries are in loader/entries",
  })
})
