import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Bootloader, BootSpec, BootVersion, SysrootLock } from '@bootc-sdk/core'
import {
  describeTree,
  memoryDir,
  memorySysroot,
  readText,
  type MemorySysroot,
  type MemorySysrootOptions,
} from '@bootc-sdk/core/testing'
import { grubBootloader } from '../src/index.js'
import { kernelA, kernelB, one, three } from './specs.js'

const golden = (path: string) => readFileSync(new URL(`golden/${path}`, import.meta.url), 'utf8')

interface Setup {
  readonly sysroot: MemorySysroot
  readonly lock: SysrootLock
  readonly loader: Bootloader
  /** Make a list the active one. */
  apply(specs: BootSpec[], version: BootVersion): Promise<void>
}

async function setup(options: MemorySysrootOptions = { boot: 'volume' }): Promise<Setup> {
  const sysroot = memorySysroot(options)
  const lock = await sysroot.lock()
  const loader = await grubBootloader().init(sysroot, lock)
  return {
    sysroot,
    lock,
    loader,
    async apply(specs, version) {
      const plan = await loader.plan(specs, version)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
    },
  }
}

const names = async ({ sysroot }: Setup, path: string) => {
  const found: string[] = []
  for await (const { name } of sysroot.boot.dir.list(path)) found.push(name)
  return found
}

describe('entries', () => {
  test('are what ostree writes, byte for byte', async () => {
    const { sysroot, apply } = await setup()
    await apply(await one(1), 1)
    const { dir } = sysroot.boot
    expect(await readText(dir, 'loader.1/entries/ostree-1.conf')).toBe(golden('one/ostree-1.conf'))
    expect(await dir.readlink('loader')).toBe('loader.1')
    expect(await dir.readlink('boot')).toBe('.')
    expect(await readText(dir, `ostree/golden-${kernelA}/vmlinuz-1.2.3`)).toBe('FAKE-KERNEL-A\n')
    expect(await dir.stat(`ostree/golden-${kernelA}/vmlinuz-1.2.3`)).toMatchObject({ mode: 0o755 })
    expect(await dir.stat(`ostree/golden-${kernelA}/initramfs-1.2.3.img`)).toMatchObject({ mode: 0o600 })
  })

  test('of several deployments share kernels and keep the place of root arguments', async () => {
    const { sysroot, apply, loader } = await setup()
    await apply(await three(1), 1)
    for (const name of ['ostree-1.conf', 'ostree-2.conf', 'ostree-3.conf']) {
      expect(await readText(sysroot.boot.dir, `loader.1/entries/${name}`)).toBe(golden(`three/${name}`))
    }
    const { entries, version } = await loader.read()
    expect(version).toBe(1)
    expect(entries.map(({ fileName }) => fileName)).toEqual([
      'ostree-3.conf',
      'ostree-2.conf',
      'ostree-1.conf',
    ])
  })

  test('are found in order of version, also ten and more', async () => {
    const { loader, apply } = await setup()
    const [first] = await one(0)
    const specs = Array.from({ length: 11 }, (_, i) => ({
      ...first!,
      version: String(11 - i),
      fileName: `ostree-${11 - i}.conf`,
    }))
    await apply(specs, 0)
    const { entries } = await loader.read()
    expect(entries.map(({ version }) => Number(version))).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
  })

  test('in /boot of the root file system start with /boot', async () => {
    const { sysroot, apply } = await setup({})
    const specs = (await one(1)).map(({ bootPrefix: _unset, ...spec }) => spec)
    await apply(specs, 1)
    expect(await readText(sysroot.root, 'boot/loader.1/entries/ostree-1.conf')).toContain(
      `\nlinux /boot/ostree/golden-${kernelA}/vmlinuz-1.2.3\n`,
    )
  })

  test('carry further keys and names', async () => {
    const { loader, apply } = await setup()
    const extra = [['x-options-source-tuned', 'quiet']] as const
    const { fileName: _fixed, ...unnamed } = (await one(1))[0]!
    await apply([{ ...unnamed, extra }], 1)
    const { entries } = await loader.read()
    expect(entries).toMatchObject([{ fileName: 'ostree-1.conf', extra }])
  })

  test('may not break out of their line', async () => {
    const { loader, lock } = await setup()
    const specs = (await one(1)).map((spec) => ({ ...spec, title: 'x\nlinux /evil' }))
    await expect(loader.plan(specs, 1).then((plan) => loader.prepare(plan, lock))).rejects.toMatchObject({
      code: 'BOOT_ENTRY_INVALID',
    })
  })
})

describe('plan', () => {
  test('counts what is missing once and writes nothing', async () => {
    const { loader, sysroot } = await setup()
    const before = await describeTree(sysroot.boot.dir)
    const plan = await loader.plan(await three(1), 1)
    const sizes = ['FAKE-KERNEL-A\n', 'FAKE-INITRAMFS-1.2.3\n', 'FAKE-KERNEL-B\n', 'FAKE-INITRAMFS-1.2.4\n']
    expect(plan).toMatchObject({ changed: true, bytesNeeded: { boot: sizes.join('').length, esp: 0 } })
    expect(await describeTree(sysroot.boot.dir)).toEqual(before)
  })

  test('needs no bytes for kernels that are there, and no change for entries that are', async () => {
    const { loader, apply } = await setup()
    await apply(await three(1), 1)
    expect(await loader.plan(await three(1), 1)).toMatchObject({ changed: false, bytesNeeded: { boot: 0 } })
    expect(await loader.plan(await three(0), 0)).toMatchObject({ changed: true, bytesNeeded: { boot: 0 } })
  })

  test('sees a kernel that is not whole', async () => {
    const { loader, apply, sysroot } = await setup()
    await apply(await one(1), 1)
    await sysroot.boot.dir.write(`ostree/golden-${kernelA}/vmlinuz-1.2.3`, Buffer.from('FAKE'))
    expect(await loader.plan(await one(1), 1)).toMatchObject({ changed: true, bytesNeeded: { boot: 14 } })
  })

  test('refuses unified kernel images beside kernels where there is no ESP', async () => {
    const { loader } = await setup()
    const [spec] = await one(1)
    if (spec!.artifact.kind !== 'linux') throw new Error('fixture')
    const { kernel, bootDigest, dir } = spec!.artifact
    const artifact = { kind: 'uki' as const, bootDigest, dir, image: kernel, addons: [], cmdline: '' }
    await expect(loader.plan([{ ...spec!, artifact }, spec!], 1)).rejects.toMatchObject({
      code: 'BOOT_UNSUPPORTED_VOLUME',
    })
  })
})

describe('prepare and commit', () => {
  test('prepare changes nothing that boots, and can be repeated', async () => {
    const { loader, lock, apply, sysroot } = await setup()
    await apply(await one(1), 1)
    const plan = await loader.plan(await three(0), 0)
    await loader.prepare(plan, lock)
    const after = await describeTree(sysroot.boot.dir)
    expect((await loader.read()).entries).toHaveLength(1)
    expect((await loader.read()).prepared).toHaveLength(3)
    await loader.prepare(plan, lock)
    expect(await describeTree(sysroot.boot.dir)).toEqual(after)
    await loader.commit(plan, lock)
    expect((await loader.read()).entries).toHaveLength(3)
  })

  test('commit refuses what was not prepared', async () => {
    const { loader, lock, apply } = await setup()
    await apply(await one(1), 1)
    await expect(loader.commit(await loader.plan(await three(0), 0), lock)).rejects.toMatchObject({
      code: 'BOOT_NOT_PREPARED',
    })
    expect((await loader.read()).version).toBe(1)
  })

  test('the active set is never written into', async () => {
    const { loader, lock, apply } = await setup()
    await apply(await one(1), 1)
    await expect(loader.prepare(await loader.plan(await three(1), 1), lock)).rejects.toMatchObject({
      code: 'BOOT_VERSION_ACTIVE',
    })
  })

  test('entries of other programs move along', async () => {
    const { loader, apply, sysroot } = await setup()
    await apply(await one(1), 1)
    const memtest = 'title Memtest\nlinux /memtest.bin\n'
    await sysroot.boot.dir.write('loader.1/entries/memtest.conf', Buffer.from(memtest))
    await apply(await one(0), 0)
    expect(await readText(sysroot.boot.dir, 'loader.0/entries/memtest.conf')).toBe(memtest)
    expect((await loader.read()).entries).toHaveLength(1)
  })

  test('a full volume is told before anything is written', async () => {
    const boot = memoryDir({ capacityBytes: 40 })
    const { loader, lock, sysroot } = await setup({ boot })
    const before = await describeTree(sysroot.boot.dir)
    await expect(loader.prepare(await loader.plan(await three(1), 1), lock)).rejects.toMatchObject({
      code: 'BOOT_NO_SPACE',
      details: { needBytes: 70, volume: 'boot' },
    })
    expect(await describeTree(sysroot.boot.dir)).toEqual(before)
  })

  test('a volume without links is refused', async () => {
    const { dir } = memorySysroot().boot
    const sysroot = { ...memorySysroot(), boot: { dir, fsType: 'vfat', bootPrefix: '/' as const } }
    const lock = await sysroot.lock()
    await expect(grubBootloader().init(sysroot, lock)).rejects.toMatchObject({
      code: 'BOOT_UNSUPPORTED_VOLUME',
    })
  })
})

describe('prune', () => {
  test('removes the inactive set and kernels of no entry, and keeps what is not ours', async () => {
    const setUp = await setup()
    const { loader, lock, apply, sysroot } = setUp
    await apply(await three(1), 1)
    await apply(await one(0), 0)
    await sysroot.boot.dir.mkdir('ostree/notes')
    await sysroot.boot.dir.write('grubenv', Buffer.from('x'))
    await loader.prune((await loader.read()).entries, lock)
    expect(await names(setUp, '')).toEqual(['boot', 'grubenv', 'loader', 'loader.0', 'ostree'])
    expect(await names(setUp, 'ostree')).toEqual([`golden-${kernelA}`, 'notes'])
  })

  test('keeps a prepared set that is asked for, with its kernels', async () => {
    const setUp = await setup()
    const { loader, lock, apply } = setUp
    await apply(await one(1), 1)
    await loader.prepare(await loader.plan(await three(0), 0), lock)
    const { entries, prepared } = await loader.read()
    await loader.prune([...entries, ...prepared], lock)
    expect((await loader.read()).prepared).toHaveLength(3)
    expect(await names(setUp, 'ostree')).toEqual([`golden-${kernelA}`, `golden-${kernelB}`])
  })

  test('never takes a kernel from an active entry, whatever is asked', async () => {
    const setUp = await setup()
    await setUp.apply(await one(1), 1)
    await setUp.loader.prune([], setUp.lock)
    expect(await names(setUp, 'ostree')).toEqual([`golden-${kernelA}`])
  })
})

describe('the provider', () => {
  test('sees by the link whether it is in use', async () => {
    const { sysroot, apply } = await setup()
    expect(await grubBootloader().detect(sysroot)).toBeUndefined()
    await apply(await one(1), 1)
    expect(await grubBootloader().detect(sysroot)).toEqual({
      evidence: "boot volume's loader links to loader.1",
    })
  })

  test.each([
    ['a directory', (dir: MemorySysroot['boot']['dir']) => dir.mkdir('loader')],
    ['a link elsewhere', (dir: MemorySysroot['boot']['dir']) => dir.symlink('../x', 'loader')],
  ])('leaves a loader that is %s alone', async (_name, make) => {
    const sysroot = memorySysroot({ boot: 'volume' })
    await make(sysroot.boot.dir)
    const lock = await sysroot.lock()
    await expect(grubBootloader().init(sysroot, lock)).rejects.toMatchObject({
      code: 'BOOT_UNSUPPORTED_LAYOUT',
    })
  })
})
