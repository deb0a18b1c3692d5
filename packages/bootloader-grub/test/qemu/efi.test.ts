import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import type { Bootloader, BootSpec, ReadTree } from '@bootc-sdk/core'
import { memoryDir, memoryTree } from '@bootc-sdk/core/testing'
import { grubBootloader } from '../../src/index.js'
import { one } from '../specs.js'
import { bootDisk, sysrootOn, type BootDisk } from './disk.js'
import { boot, missingForGuests, ovmf } from './machine.js'
import { tinyUki } from './tiny-uki.js'

const signed = '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'
const shimDir = '/usr/lib/shim'
const modulesDir = '/usr/lib/grub/x86_64-efi'
const missing = missingForGuests([ovmf, signed, `${shimDir}/shimx64.efi.signed`, `${modulesDir}/kernel.img`])

async function ukiSpecs(titles: readonly string[]): Promise<BootSpec[]> {
  const tree = memoryDir()
  const specs: BootSpec[] = []
  for (const title of titles) {
    const digit = (title.charCodeAt(0) % 10).toString()
    const cmdline = `title=${title} composefs=${digit.repeat(128)}`
    const data = tinyUki(cmdline)
    await tree.write(`${title}.efi`, data)
    const name = `bootc_composefs-${digit.repeat(128)}.efi`
    specs.push({
      ...{ id: title, title: `Edge "OS" $1 ${title}`, version: '1', osId: 'edge', entrySet: 'exchange' },
      artifact: {
        ...{ kind: 'uki', bootDigest: `sha256:${digit.repeat(64)}`, dir: 'EFI/Linux/bootc', cmdline },
        ...{ image: { name, tree, path: `${title}.efi`, sizeBytes: data.length }, addons: [] },
      },
      ...{ rootKargs: [], kargs: [] },
    })
  }
  return specs
}

const disks: BootDisk[] = []
afterEach(() => disks.splice(0).forEach((disk) => disk.dispose()))

async function machine() {
  const disk = bootDisk()
  disks.push(disk)
  const sysroot = sysrootOn(disk)
  const lock = await sysroot.lock()
  const loader: Bootloader = await grubBootloader().init(sysroot, lock, { entrySet: 'exchange' })
  return {
    ...{ disk, loader, sysroot, lock },
    async apply(specs: readonly BootSpec[]) {
      const plan = await loader.plan(specs, 0)
      await loader.prepare(plan, lock)
      await loader.commit(plan, lock)
    },
    async install(tree: ReadTree) {
      const warnings = await loader.install!(lock, { tree })
      await lock[Symbol.asyncDispose]()
      disk.pack()
      return warnings
    },
  }
}

const file = (path: string) => readFileSync(path)
const asDebian = () =>
  memoryTree({
    'usr/lib/os-release': 'ID=edge\n',
    'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': file(signed),
    'usr/lib/shim/shimx64.efi.signed': file(`${shimDir}/shimx64.efi.signed`),
    'usr/lib/shim/mmx64.efi.signed': file(`${shimDir}/mmx64.efi.signed`),
  })
const beside = () => memoryTree({ 'usr/lib/modules/6.12/grubx64.efi.signed': file(signed) })
const modules = () => {
  const names = readdirSync(modulesDir).filter((name) => /\.(?:mod|lst|img)$/.test(name))
  const files = names.map((name) => [`usr/lib/grub/x86_64-efi/${name}`, file(`${modulesDir}/${name}`)])
  return memoryTree({ 'usr/lib/os-release': 'ID=edge\n', ...Object.fromEntries(files) })
}

describe.skipIf(missing !== undefined)(`GRUB by EFI (${missing ?? 'QEMU'})`, () => {
  // Each takes two boots: the first way stands for the others unless all are asked for.
  const ways = [
    ['signed, by shim', asDebian],
    ['signed, beside the kernel', beside],
    ['made of modules', modules],
  ] as const
  const asked = process.env['GRUB_GUESTS'] === 'all' ? ways : ways.slice(0, 1)
  test.each(asked)(
    '%s, it boots unified kernel images beside other kernels, counts and falls back',
    async (_name, image) => {
      const { disk, loader, apply, install } = await machine()
      await apply(await ukiSpecs(['old']))
      const [trial, old] = await ukiSpecs(['new', 'old'])
      // A kernel with an initramfs makes the menu a mixed one; GRUB has to understand it.
      await apply([{ ...trial!, count: { left: 1, done: 0 } }, old!, ...(await one(0))])
      expect((await loader.read()).entries[0]?.count).toEqual({ left: 1, done: 0 })
      expect(await install(await image())).toEqual([])
      const title = async () => {
        const said = await boot(disk.path, { firmware: 'efi', until: /title=\w+ composefs=\w+\n/ })
        return /title=(\w+)/.exec(said)?.[1]
      }
      expect([await title(), await title()]).toEqual(['new', 'old'])
      expect(disk.read('/boot/grub2/grubenv').toString('latin1')).toContain('\nboot_counter=-1\n')
    },
    240_000,
  )
})
