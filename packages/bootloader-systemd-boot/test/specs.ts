import type { Bootloader, BootSpec, Sysroot } from '@bootc-sdk/core'
import {
  memoryDir,
  memorySysroot,
  readText,
  type MemoryDir,
  type MemorySysroot,
} from '@bootc-sdk/core/testing'
import { systemdBoot, type SystemdBootOptions } from '../src/index.js'

export const idA = '3e'.repeat(64)
export const idB = '7f'.repeat(64)

/** What bootc's composefs backend asks for. */
export async function bls(
  id: string,
  place: number,
  { version = '2.4.1', count }: { version?: string; count?: BootSpec['count'] } = {},
): Promise<BootSpec> {
  const tree = memoryDir()
  await tree.write('vmlinuz', Buffer.from(`kernel of ${id}`))
  await tree.write('initrd', Buffer.from('initramfs'))
  const file = async (name: string) => ({
    ...{ name, tree, path: name },
    sizeBytes: (await tree.stat(name))!.sizeBytes,
  })
  return {
    ...{ id, title: 'Edge OS 2', version, osId: 'edge' },
    artifact: {
      ...{ kind: 'linux', bootDigest: `sha256:${'0'.repeat(64)}`, dir: `bootc_composefs-${id}` },
      ...{ kernel: await file('vmlinuz'), initrds: [await file('initrd')] },
    },
    rootKargs: [`composefs=${id}`],
    kargs: ['root=UUID=0d', 'rw'],
    fileName: `bootc_edge-${version}-${1 - place}.conf`,
    entrySet: 'exchange',
    extra: [['sort-key', `bootc-edge-${place}`]],
    ...(count === undefined ? {} : { count }),
  }
}

/** The same sealed in a unified kernel image, with one addon. */
export async function uki(id: string, place: number): Promise<BootSpec> {
  const cmdline = `root=UUID=0d rw composefs=${id}`
  const tree = memoryDir()
  const image = peFile({ '.cmdline': `${cmdline}\0`, '.linux': `kernel of ${id}`, '.initrd': 'initramfs' })
  await tree.write('os.efi', image)
  await tree.write('debug.addon.efi', peFile({ '.cmdline': 'debug' }))
  const addon = { name: 'debug.addon.efi', tree, path: 'debug.addon.efi' }
  return {
    ...(await bls(id, place)),
    artifact: {
      ...{ kind: 'uki', bootDigest: `sha256:${'0'.repeat(64)}`, dir: 'EFI/Linux/bootc', cmdline },
      image: { name: `bootc_composefs-${id}.efi`, tree, path: 'os.efi', sizeBytes: image.length },
      addons: [{ ...addon, sizeBytes: (await tree.stat('debug.addon.efi'))!.sizeBytes }],
    },
    ...{ rootKargs: [], kargs: [] },
  }
}

/** A PE file with these sections and nothing else. */
export function peFile(sections: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(sections)
  const header = 0x40
  const table = header + 24
  const head = Buffer.alloc(table + entries.length * 40)
  head.write('MZ')
  head.writeUInt32LE(header, 0x3c)
  head.write('PE\0\0', header, 'latin1')
  head.writeUInt16LE(entries.length, header + 6)
  const parts: Buffer[] = [head]
  let at = head.length
  for (const [index, [name, text]] of entries.entries()) {
    const data = Buffer.from(text)
    const row = table + index * 40
    head.write(name, row, 'latin1')
    head.writeUInt32LE(data.length, row + 8)
    head.writeUInt32LE(data.length, row + 16)
    head.writeUInt32LE(at, row + 20)
    parts.push(data)
    at += data.length
  }
  return Buffer.concat(parts)
}

export function loaderProgram(version: string, note = ''): Buffer {
  return peFile({ '.sdmagic': `#### LoaderInfo: systemd-boot ${version} ####`, '.text': note })
}

export interface Bench {
  readonly sysroot: MemorySysroot
  readonly loader: Bootloader
  readonly esp: MemoryDir
  commit(specs: readonly BootSpec[], version?: 0 | 1): Promise<void>
  files(): Promise<string[]>
  text(fileName: string): Promise<string | undefined>
}

/** A machine whose /boot is the ESP. */
export async function bench(
  options: { exchange?: boolean; sysroot?: MemorySysroot } & SystemdBootOptions = {},
): Promise<Bench> {
  const { exchange = true, sysroot: given, ...own } = options
  const sysroot = given ?? memorySysroot({ boot: memoryDir({ fat: true, supports: { exchange } }) })
  await using lock = await sysroot.lock()
  const loader = await systemdBoot(own).init(sysroot as Sysroot, lock)
  const esp = (sysroot.disks.esp ?? sysroot.disks.boot)!
  return {
    ...{ sysroot, loader, esp },
    async commit(specs, version = 0) {
      await using held = await sysroot.lock()
      const plan = await loader.plan(specs, version)
      await loader.prepare(plan, held)
      await loader.commit(plan, held)
    },
    async files() {
      const names: string[] = []
      for await (const { name } of esp.list('loader/entries')) names.push(name)
      return names
    },
    text: (fileName) => readText(esp, `loader/entries/${fileName}`),
  }
}
