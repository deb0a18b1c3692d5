import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import {
  type BiosTarget,
  type BootcParts,
  type Dir,
  type Host,
  type InstallResult,
  openBootc,
  resolveImage,
  type Sysroot,
} from '@bootc-sdk/core'
import { splitKargs } from '@bootc-sdk/core/kargs'
import { nodeDir } from '@bootc-sdk/core/node'
import { unsupportedDisk } from '../errors.js'
import { hostSource } from '../host-source.js'
import { assertRootFs, packDisk, type PackOptions } from '../pack-disk.js'
import { findArchitecture } from '../plan/partition-types.js'
import { type DiskPlan, type DiskRequest, planDisk } from '../plan/plan-disk.js'
import { packingSysroot } from '../record/packing-sysroot.js'
import { hostFormatters } from '../tools/host-formatters.js'
import { customizeInstalled } from './customize-installed.js'
import { epochOf, seedOf } from './identity.js'
import { findOutput, type FoundOutput } from './output.js'
import { resolveOnce } from './resolve-once.js'
import { scratchRoot, type ScratchRoot } from './scratch-root.js'
import type { InstallToImageOptions, InstallToImageResult } from './types.js'

/**
 * Make a disk that boots an image: install it on directories, then pack these into file systems, without root, loop device
 * or mount. The same image, wishes and epoch give the same bytes. At the output there is nothing before the disk is
 * whole; a block device has no partition table until then.
 *
 * @throws BootcError `SYSROOT_DISK_…`, `SYSROOT_CUSTOMIZATION_INVALID`, `HOST_TOOL_MISSING`, `HOST_TOOL_FAILED`, and what
 *   `Bootc.install` throws
 */
export async function installToImage(options: InstallToImageOptions): Promise<InstallToImageResult> {
  const { signal, install } = options
  signal?.throwIfAborted()
  const architecture = install.architecture ?? options.host.arch
  const formatters = options.formatters ?? hostFormatters(options.host)
  const output = await findOutput(options.output)
  const request = diskRequest(options, architecture, output)
  const xbootldr = request.xbootldr?.fs
  assertRootFs(request.rootFs, formatters)
  await formatters.check?.([request.rootFs, 'vfat'])

  const transports = resolveOnce(options.parts.transports)
  const platform = { architecture, os: 'linux' }
  const image = await resolveImage(transports, install.source.image, {
    platform,
    ...(signal === undefined ? {} : { signal }),
  })
  const epoch = options.epoch ?? epochOf(image)
  const disk: DiskRequest = { ...request, seed: seedOf(image, options) }
  // Names and identities only: sizes follow when it is known what there is to hold.
  const outline = planDisk({ ...disk, ...unlimited })

  const scratch = await makeScratch(options, output)
  try {
    const trees = await makeTrees(scratch, options.host, outline)
    const host: Host = { ...options.host, arch: architecture, now: () => epoch * 1000 }
    const sysroot = await packingSysroot({
      ...volumes(trees, xbootldr),
      run: nodeDir(join(scratch, 'run')),
      host,
      uuids: uuidsOf(outline),
    })
    const bios = biosTarget(outline)
    const installed = await installOn(sysroot, { options, transports, outline, bios })
    checkBiosCode(disk, installed, bios)
    await customizeInstalled(sysroot, options, { installed, epoch })
    const packed = await packDisk({
      disk,
      sources: await sourcesOf(trees, options.host),
      formatters,
      format: output.format,
      outPath: output.path,
      device: output.deviceBytes !== undefined,
      epoch,
      ...(bios.code === undefined ? {} : { bios: bios.code }),
      ...(signal === undefined ? {} : { signal }),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    })
    const { diskBytes } = packed.plan
    return {
      output: {
        path: packed.path,
        format: output.format,
        device: output.deviceBytes !== undefined,
        diskBytes,
      },
      disk: packed.plan,
      installed,
      epoch,
      warnings: [...(options.customizations?.warnings ?? []), ...installed.warnings],
    }
  } finally {
    await nodeDir(dirname(scratch)).remove(basename(scratch))
  }
}

/** Sizes as for a disk that nothing is on yet. */
const unlimited = { rootContentBytes: 0, espContentBytes: 0 }

function diskRequest(options: InstallToImageOptions, architecture: string, output: FoundOutput): DiskRequest {
  const { disk = {}, install, customizations } = options
  const { xbootldr, bootMode = defaultMode(architecture), rootFs = 'ext4', ...sizes } = disk
  const rootMinBytes = sizes.rootMinBytes ?? customizations?.rootMinBytes
  return {
    ...sizes,
    architecture,
    bootMode,
    rootFs,
    seed: 'to be',
    ...(rootMinBytes === undefined ? {} : { rootMinBytes }),
    ...(output.deviceBytes === undefined ? {} : { diskBytes: output.deviceBytes }),
    ...(xbootldr === undefined
      ? {}
      : { xbootldr: { ...xbootldr, fs: install.bootloader === 'grub' ? 'ext4' : 'vfat' } }),
  }
}

function defaultMode(architecture: string): DiskRequest['bootMode'] {
  const found = findArchitecture(architecture)
  return found !== undefined && !found.uefi && found.bios !== undefined ? 'bios' : 'uefi'
}

async function makeScratch({ scratchPath }: InstallToImageOptions, output: FoundOutput): Promise<string> {
  const above = scratchPath ?? (output.deviceBytes === undefined ? dirname(output.path) : tmpdir())
  return mkdtemp(join(above, '.bootc-sdk-disk-'))
}

interface Trees {
  readonly root: ScratchRoot
  readonly esp?: Dir
  readonly xbootldr?: ScratchRoot
}

async function makeTrees(scratch: string, host: Host, outline: DiskPlan): Promise<Trees> {
  const has = (role: string) => outline.partitions.some((partition) => partition.role === role)
  const plain = async (name: string) => {
    await mkdir(join(scratch, name))
    return nodeDir(join(scratch, name))
  }
  await plain('run')
  return {
    root: await scratchRoot(join(scratch, 'root'), host),
    ...(has('esp') ? { esp: await plain('esp') } : {}),
    ...(has('xbootldr') ? { xbootldr: await scratchRoot(join(scratch, 'boot'), host) } : {}),
  }
}

function volumes({ root, esp, xbootldr }: Trees, bootFs: 'vfat' | 'ext4' | undefined) {
  return {
    root: root.dir,
    ...(esp === undefined ? {} : { esp }),
    ...(xbootldr === undefined || bootFs === undefined
      ? {}
      : { xbootldr: { dir: xbootldr.dir, fsType: bootFs } }),
  }
}

function uuidsOf({ partitions }: DiskPlan): Partial<Record<'root' | 'esp' | 'xbootldr', string>> {
  return Object.fromEntries(partitions.map(({ role, fs }) => [role, fs?.uuid]))
}

async function sourcesOf({ root, esp, xbootldr }: Trees, host: Host): Promise<PackOptions['sources']> {
  return {
    root: await root.source(),
    ...(esp === undefined ? {} : { esp: await hostSource(esp, host) }),
    ...(xbootldr === undefined ? {} : { xbootldr: await xbootldr.source() }),
  }
}

interface BiosCode {
  target?: BiosTarget
  code?: { bootSector: Uint8Array; core: Uint8Array }
}

/** Boot code is kept until the disk is packed. */
function biosTarget({ partitions }: DiskPlan): BiosCode {
  const partition = partitions.find(({ role }) => role === 'bios-boot')
  if (partition === undefined) return {}
  const found: BiosCode = {}
  const { startBytes, sizeBytes } = partition
  found.target = {
    startBytes,
    sizeBytes,
    write(bootCode, core) {
      found.code = { bootSector: Uint8Array.from(bootCode), core: Uint8Array.from(core) }
      return Promise.resolve()
    },
  }
  return found
}

/** A disk that a BIOS finds nothing on would only say so when it is started. */
function checkBiosCode({ bootMode }: DiskRequest, { bootloader }: InstallResult, bios: BiosCode): void {
  if (bootMode === 'uefi' || bios.target === undefined || bios.code !== undefined) return
  throw unsupportedDisk(`boot mode ${bootMode}`, `loader ${bootloader} put nothing there that a BIOS starts`)
}

async function installOn(
  sysroot: Sysroot,
  use: {
    options: InstallToImageOptions
    transports: BootcParts['transports']
    outline: DiskPlan
    bios: BiosCode
  },
): Promise<InstallResult> {
  const { options, transports, outline, bios } = use
  const { install, customizations, signal, onProgress } = options
  const { root, xbootldr } = uuidsOf(outline)
  // An extended boot partition that is FAT is mounted by systemd, which knows it by its type.
  const bootFs = outline.partitions.find(({ role }) => role === 'xbootldr')?.fs?.type
  const bootc = await openBootc({ ...options.parts, transports, sysroot })
  return bootc.install({
    // Nothing of this machine, so that disks are equal wherever they are made.
    aleph: { kernel: 'unknown', hostSelinux: false },
    ...install,
    kargs: {
      ...install.kargs,
      root: [`root=UUID=${root}`, 'rw'],
      extra: [...splitKargs(customizations?.kernelArguments ?? ''), ...(install.kargs?.extra ?? [])],
    },
    ...(bootFs === 'ext4' ? { bootMount: { source: `UUID=${xbootldr}`, fsType: 'ext4' } } : {}),
    loader: install.loader !== false && {
      randomSeed: false,
      firmwareVariables: false,
      ...install.loader,
      ...(bios.target === undefined ? {} : { bios: bios.target }),
    },
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })
}
