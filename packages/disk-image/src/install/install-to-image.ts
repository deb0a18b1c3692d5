import {
  type BootcParts,
  type Host,
  type InstallResult,
  openBootc,
  resolveImage,
  type Sysroot,
  type Warning,
} from '@bootc-sdk/core'
import { splitKargs } from '@bootc-sdk/core/kargs'
import { packDisk } from '../pack-disk.js'
import { assertFileSystems } from '../pack-plan.js'
import { checkDataPartitions, dataMountPoint, type DataPartition } from '../plan/data-partitions.js'
import { findArchitecture } from '../plan/partition-types.js'
import { type DiskPlan, type DiskRequest, planDisk } from '../plan/plan-disk.js'
import { packingSysroot } from '../record/packing-sysroot.js'
import { hostFormatters } from '../tools/host-formatters.js'
import type { Customizations } from '../customize/types.js'
import { type BiosCode, biosTarget, checkBiosCode } from './bios-code.js'
import { customizeInstalled } from './customize-installed.js'
import { epochOf, seedOf } from './identity.js'
import { findOutput, type FoundOutput } from './output.js'
import { resolveOnce } from './resolve-once.js'
import { ScratchRemoval } from './scratch-removal.js'
import { makeScratch, makeTrees, sourcesOf, uuidsOf, volumes } from './trees.js'
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
  assertFileSystems(request, formatters)
  await formatters.check?.([
    request.rootFs,
    'vfat',
    ...(request.data ?? []).map(({ fs = 'ext4' }) => fs),
    ...(xbootldr === undefined ? [] : [xbootldr]),
  ])

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

  const scratch = await makeScratch(options.scratchPath, output)
  const removal = new ScratchRemoval(scratch, options.host)
  try {
    const trees = await makeTrees(scratch, options.host, outline)
    const host: Host = { ...options.host, arch: architecture, now: () => epoch * 1000 }
    const sysroot = await packingSysroot({
      ...volumes(trees, xbootldr),
      run: trees.run,
      host,
      uuids: uuidsOf(outline),
    })
    const bios = biosTarget(outline)
    const installed = await installOn(sysroot, { options, transports, outline, bios })
    checkBiosCode(disk, installed, bios)
    const data = outline.partitions.filter(({ role }) => role === 'data')
    const carved = await customizeInstalled(sysroot, options, { installed, epoch, data })
    const packed = await packDisk({
      disk,
      sources: await sourcesOf(trees, options.host, carved),
      formatters,
      format: output.format,
      outPath: output.path,
      device: output.deviceBytes !== undefined,
      epoch,
      // Beside the writing to the medium; what goes wrong is told in the end.
      onRead: () => void removal.finish().catch(() => undefined),
      onFileRead: (path) => removal.drop(path),
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
      warnings: [
        ...(options.customizations?.warnings ?? []),
        ...installed.warnings,
        ...otherRootFs(options, installed),
      ],
    }
  } finally {
    await removal.finish()
  }
}

/** The image says which file system it wants only when it is installed, and others than ext4 are not for everybody. */
function otherRootFs({ disk = {} }: InstallToImageOptions, { config }: InstallResult): Warning[] {
  const wanted = config?.filesystem?.root?.type
  if (disk.rootFs !== undefined || wanted === undefined || wanted === 'ext4') return []
  const message = `the image would have ${wanted} on its root, and got ext4, which takes no root to be made`
  return [{ code: 'disk:root-fs', message, details: { wanted, made: 'ext4' } }]
}

/** Sizes as for a disk that nothing is on yet. */
const unlimited = { rootContentBytes: 0, espContentBytes: 0 }

function diskRequest(options: InstallToImageOptions, architecture: string, output: FoundOutput): DiskRequest {
  const { disk = {}, install, customizations } = options
  const {
    bootMode = defaultMode(architecture),
    rootFs = 'ext4',
    data: own = [],
    xbootldr: ownBoot,
    ...sizes
  } = disk
  const { filesystems = [], bootMinBytes } = customizations ?? {}
  const data = checkDataPartitions(mergeData(own, filesystems))
  const xbootldr = bootMinBytes === undefined ? ownBoot : { minBytes: bootMinBytes, ...ownBoot }
  const rootMinBytes = sizes.rootMinBytes ?? customizations?.rootMinBytes
  return {
    ...sizes,
    architecture,
    bootMode,
    rootFs,
    seed: 'to be',
    ...(rootMinBytes === undefined ? {} : { rootMinBytes }),
    ...(output.deviceBytes === undefined ? {} : { diskBytes: output.deviceBytes }),
    ...(data.length === 0 ? {} : { data }),
    ...(xbootldr === undefined
      ? {}
      : { xbootldr: { ...xbootldr, fs: install.bootloader === 'grub' ? 'ext4' : 'vfat' } }),
  }
}

/** What both ask for is one partition, of the size of the one and at least that of the other. */
function mergeData(
  own: readonly DataPartition[],
  configured: NonNullable<Customizations['filesystems']>,
): DataPartition[] {
  const placeOf = ({ mountPoint }: Pick<DataPartition, 'mountPoint'>) => dataMountPoint(mountPoint)
  const least = (part: DataPartition) => configured.find((other) => placeOf(other) === placeOf(part))
  const places = new Set(own.map(placeOf))
  return [
    ...own.map((part) => ({ ...least(part), ...part })),
    ...configured.filter((part) => !places.has(placeOf(part))),
  ]
}

function defaultMode(architecture: string): DiskRequest['bootMode'] {
  const found = findArchitecture(architecture)
  return found !== undefined && !found.uefi && found.bios !== undefined ? 'bios' : 'uefi'
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
