import { afterEach, describe, expect, test } from 'vitest'
import type { Bootloader, BootSpec, Sysroot } from '@bootc-sdk/core'
import { memoryDir } from '@bootc-sdk/core/testing'
import { grubBootloader } from '../../src/index.js'
import { bootDisk, sysrootOn, type BootDisk } from './disk.js'
import { boot, missingForGuests } from './machine.js'
import { tinyKernel } from './tiny-kernel.js'

const missing = missingForGuests()

/** Specs of either kind of store whose kernel says its arguments. */
async function specsOf(
  kind: 'ostree' | 'composefs',
  titles: readonly string[],
  kargs: readonly string[] = [],
): Promise<BootSpec[]> {
  const tree = memoryDir()
  await tree.write('vmlinuz', tinyKernel())
  await tree.write('initrd', Buffer.alloc(600, 'i'))
  const sizeBytes = (await tree.stat('vmlinuz'))!.sizeBytes
  return titles.map((title, index) => {
    const digit = (title.charCodeAt(0) % 10).toString()
    const isOstree = kind === 'ostree'
    return {
      ...{ id: title, title, version: title, osId: 'edge', kargs: [`title=${title}`, ...kargs] },
      artifact: {
        kind: 'linux',
        bootDigest: `sha256:${digit.repeat(64)}`,
        dir: isOstree ? `ostree/default-${digit.repeat(64)}` : `bootc_composefs-${digit.repeat(128)}`,
        kernel: { name: 'vmlinuz', tree, path: 'vmlinuz', sizeBytes },
        initrds: [{ name: 'initrd', tree, path: 'initrd', sizeBytes: 600 }],
      },
      rootKargs: [isOstree ? `ostree=/ostree/boot.0/default/${digit}` : `composefs=${digit}`],
      ...(isOstree
        ? {}
        : { entrySet: 'exchange', fileName: `bootc_edge-${title}-${titles.length - 1 - index}.conf` }),
    }
  })
}

interface Machine {
  readonly disk: BootDisk
  readonly loader: Bootloader
  readonly sysroot: Sysroot
  apply(specs: readonly BootSpec[], version?: 0 | 1): Promise<void>
  install(): Promise<void>
}

const disks: BootDisk[] = []
afterEach(() => disks.splice(0).forEach((disk) => disk.dispose()))

async function machine(kind: 'ostree' | 'composefs'): Promise<Machine> {
  const disk = bootDisk()
  disks.push(disk)
  const sysroot = sysrootOn(disk)
  await using lock = await sysroot.lock()
  const entrySet = kind === 'composefs' ? ({ entrySet: 'exchange' } as const) : {}
  const loader = await grubBootloader().init(sysroot, lock, entrySet)
  return {
    ...{ disk, loader, sysroot },
    async apply(specs, version = 0) {
      await using held = await sysroot.lock()
      const plan = await loader.plan(specs, version)
      await loader.prepare(plan, held)
      await loader.commit(plan, held)
    },
    async install() {
      await using held = await sysroot.lock()
      const options = { tree: memoryDir(), bios: disk.bios }
      const warnings = await loader.install!(held, options)
      expect(warnings.map(({ code }) => code)).toContain('boot:host-grub')
      disk.pack()
    },
  }
}

describe.skipIf(missing !== undefined)(`GRUB by BIOS (${missing ?? 'QEMU'})`, () => {
  describe.each(['ostree', 'composefs'] as const)('with entries of %s', (kind) => {
    test('boots the default with its arguments, word by word', async () => {
      const { disk, apply, install } = await machine(kind)
      const kargs = [
        'quiet',
        'a.b="c d"',
        '"e=f g"',
        'h=*',
        'i=$j',
        'k={l}',
        'm;n',
        'o=ü',
        '--',
        'p=#q',
        'r=<s>|t&',
      ]
      await apply(await specsOf(kind, ['new', 'old'], kargs))
      await install()
      const said = Buffer.from(await boot(disk.path), 'latin1').toString('utf8')
      expect(said).toMatch(
        /^BOOT_IMAGE=\S*vmlinuz title=new quiet "a\.b=c d" "e=f g" h=\* i=\$j k=\{l\} m;n o=ü -- p=#q r=<s>\|t& (?:ostree|composefs)=\S*\n$/,
      )
    }, 120_000)

    test('counts down, falls back, and says so', async () => {
      const { disk, loader, apply, install } = await machine(kind)
      await apply(await specsOf(kind, ['old']), 0)
      const [trial, old] = await specsOf(kind, ['new', 'old'])
      await apply([{ ...trial!, count: { left: 2, done: 0 } }, old!], 1)
      expect((await loader.read()).entries[0]?.count).toEqual({ left: 2, done: 0 })
      await install()
      const title = async () => /title=(\w+)/.exec(await boot(disk.path))?.[1]
      expect([await title(), await title(), await title(), await title()]).toEqual([
        'new',
        'new',
        'old',
        'old',
      ])
      expect(disk.read('/boot/grub/grubenv').toString('latin1')).toContain('\nboot_counter=-1\n')
    }, 120_000)

    test('boots another entry once', async () => {
      const { disk, loader, sysroot, apply, install } = await machine(kind)
      await apply(await specsOf(kind, ['new', 'old']))
      const lock = await sysroot.lock()
      await loader.bootOnce!((await loader.read()).entries[1], lock)
      await lock[Symbol.asyncDispose]()
      await install()
      const title = async () => /title=(\w+)/.exec(await boot(disk.path))?.[1]
      expect([await title(), await title()]).toEqual(['old', 'new'])
    }, 120_000)
  })
})
