import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { grubBootloader } from '@bootc-sdk/bootloader-grub'
import { systemdBoot } from '@bootc-sdk/bootloader-systemd-boot'
import { composefsBackend } from '@bootc-sdk/composefs-backend'
import { openBootc } from '@bootc-sdk/core'
import { nodeDir, nodeHost } from '@bootc-sdk/core/node'
import { defaultTransports } from '@bootc-sdk/core/transports'
import {
  hostFormatters,
  hostSource,
  packDisk,
  packingSysroot,
  recordingDir,
  recordedSource,
} from '@bootc-sdk/disk-image'
import { ostreeBackend } from '@bootc-sdk/ostree-backend'
import type { BootPath } from './guests.js'
import { newerToolsDir } from './tools.js'

export async function installDisk(options: {
  path: BootPath
  source: string
  target: string
  disk: string
}): Promise<void> {
  const {
    path: { store, loader },
    source,
    target,
    disk: out,
  } = options
  const work = `${out}.d`
  for (const name of ['root', 'esp', 'run']) mkdirSync(join(work, name), { recursive: true })
  const host = nodeHost({ live: false, arch: 'amd64' })
  const root = await recordingDir(nodeDir(join(work, 'root')))
  const esp = nodeDir(join(work, 'esp'))
  const sysroot = await packingSysroot({ root, esp, run: nodeDir(join(work, 'run')), host })
  const bootc = await openBootc({
    sysroot,
    transports: await defaultTransports({}),
    stores: [ostreeBackend(), composefsBackend()],
    bootloaders: [systemdBoot(), grubBootloader()],
  })
  const reference = (name: string) => ({
    signature: { kind: 'insecure' as const },
    image: { transport: 'registry' as const, name },
  })
  await bootc.install({
    store,
    bootloader: loader,
    source: reference(source),
    target: reference(target),
    kargs: { root: ['root=LABEL=root', 'rw'] },
  })
  if (loader === 'grub') {
    const espPath = join(work, 'esp')
    const grub = join(newerToolsDir(), 'usr/lib/grub')
    mkdirSync(join(espPath, 'EFI/BOOT'), { recursive: true })
    mkdirSync(join(espPath, 'EFI/debian/x86_64-efi'), { recursive: true })
    copyFileSync(join(grub, 'x86_64-efi-signed/grubx64.efi.signed'), join(espPath, 'EFI/BOOT/BOOTX64.EFI'))
    copyFileSync(join(grub, 'x86_64-efi/blsuki.mod'), join(espPath, 'EFI/debian/x86_64-efi/blsuki.mod'))
    writeFileSync(
      join(espPath, 'EFI/debian/grub.cfg'),
      'insmod blsuki\nsearch --no-floppy --label root --set root\nset timeout=0\nblscfg --path /boot/loader/entries\n',
    )
  } else writeFileSync(join(work, 'esp/loader/loader.conf'), 'timeout 0\n')
  await packDisk({
    disk: { architecture: 'amd64', bootMode: 'uefi', rootFs: 'ext4', seed: 'e2e' },
    sources: { root: recordedSource(root), esp: await hostSource(esp, host) },
    formatters: hostFormatters(host),
    format: out.endsWith('.qcow2') ? 'qcow2' : 'raw',
    outPath: out,
    epoch: 1_700_000_000,
  })
  rmSync(work, { recursive: true })
}
