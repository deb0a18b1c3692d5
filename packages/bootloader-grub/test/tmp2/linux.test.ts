import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { nodeDir, nodeSysroot } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import { grubBootloader } from '../../src/index.js'
import { imageWith } from '../image.js'
import { bootDisk, uuids } from '../qemu/disk.js'
import { boot } from '../qemu/machine.js'
const mods = '/var/tmp/bootc-sdk-e2e/image/rootfs/usr/lib/modules'
const kver = readdirSync(mods)[0]!
const tools = '/var/tmp/bootc-sdk-e2e/tools/usr/lib/grub'
const run = async (grub: string, drop: boolean, bls: boolean) => {
  const disk = bootDisk()
  mkdirSync(`${disk.root}/boot`)
  const whole = nodeSysroot(disk.root)
  const sysroot = { ...whole, boot: { ...whole.boot, fsType: 'ext4', uuid: uuids.root }, esps: [{ dir: nodeDir(disk.esp), fsType: 'vfat', uuid: uuids.esp, bootPrefix: '/' as const }] }
  const lock = await sysroot.lock()
  const loader = await grubBootloader().init(sysroot, lock)
  const tree = memoryDir()
  const kernel = readFileSync(`${mods}/${kver}/vmlinuz`)
  await tree.write('vmlinuz', kernel)
  const initrd = Buffer.alloc(600)
  await tree.write('initrd', initrd)
  const plan = await loader.plan([{ id: 'x', title: "It's $new", version: '1', osId: 'e', kargs: ['title=new', 'console=ttyS0', 'earlycon', 'a.b="c d"', 'panic=-1'], rootKargs: ['ostree=/ostree/boot.0/x'], artifact: { kind: 'linux', bootDigest: `sha256:${'1'.repeat(64)}`, dir: `ostree/default-${'1'.repeat(64)}`, kernel: { name: 'vmlinuz', tree, path: 'vmlinuz', sizeBytes: kernel.length }, initrds: [{ name: 'initrd', tree, path: 'initrd', sizeBytes: 600 }] } }], 0)
  await loader.prepare(plan, lock)
  await loader.commit(plan, lock)
  const files: Record<string, Buffer> = { 'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': readFileSync(grub) }
  if (bls) files['usr/lib/grub/x86_64-efi/blsuki.mod'] = readFileSync(`${tools}/x86_64-efi/blsuki.mod`)
  const w = await loader.install!(lock, { tree: await imageWith(files) })
  expect(w).toEqual([])
  if (drop) rmSync(`${disk.root}/boot/loader.0/grub.cfg`)
  await lock[Symbol.asyncDispose]()
  disk.pack()
  const said = await boot(disk.path, { firmware: 'efi', until: /Command line: [^\n]*\n/, timeoutMs: 280000 }).catch((e) => String(e))
  disk.dispose()
  return /Command line: .*/.exec(said)?.[0] ?? said.slice(-6000)
}
test('menu 2.12', async () => { console.log('RES2', await run(`${mods}/${kver}/grubx64.efi.signed`, false, false)) }, 300000)
test('bls 2.14', async () => { console.log('RES3', await run(`${tools}/x86_64-efi-signed/grubx64.efi.signed`, true, true)) }, 300000)
