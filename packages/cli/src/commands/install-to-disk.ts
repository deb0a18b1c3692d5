import { randomUUID } from 'node:crypto'
import { BootcError } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import { nodeHost } from '@bootc-sdk/core/node'
import { checkDiskTarget, installToImage, type DiskTarget } from '@bootc-sdk/disk-image'
import type { PartitionFlag } from '../define/partition-option.js'
import type { Cli } from '../io.js'
import { formatBytes, printable } from '../format.js'
import { enterInstallDomain } from './install-domain.js'
import { commonOptions, type InstallFlags } from './install-flags.js'
import { systemParts } from './open-system.js'
import { printInstalled } from './print-installed.js'
import { repartLayout } from './repart-layout.js'
import { withProgress } from './with-progress.js'

interface DiskFlags extends InstallFlags {
  readonly wipe?: boolean
  readonly viaLoopback?: boolean
  readonly blockSetup?: 'direct' | 'tpm2-luks'
  readonly filesystem?: 'ext4' | 'xfs' | 'btrfs'
  readonly rootSize?: number
  readonly partition?: readonly PartitionFlag[]
  readonly repart?: string
  readonly bootMode?: 'uefi' | 'bios' | 'both'
}

/** `bootc-sdk install to-disk`: the system is made in a directory, and the disk written when it is whole. */
export async function installToDisk(cli: Cli, flags: DiskFlags, name: string): Promise<void> {
  const {
    wipe = false,
    viaLoopback = false,
    blockSetup = 'direct',
    filesystem,
    rootSize,
    bootMode,
    partition,
  } = flags
  const common = await commonOptions(flags)
  await enterInstallDomain(flags)
  if (blockSetup === 'tpm2-luks') {
    throw new BootcError(
      'SYSROOT_DISK_UNSUPPORTED',
      'block setup tpm2-luks: encrypted disks cannot be made; set one up and use install to-filesystem',
      { details: { what: 'block setup tpm2-luks', reason: 'encrypted disks cannot be made' } },
    )
  }
  const target = await checkDiskTarget(name, { wipe, file: viaLoopback })
  const host = nodeHost({ live: false })
  const diskBytes = target.sizeBytes
  const layout = await repartLayout(flags.repart, {
    ...{ architecture: host.arch, bootloader: flags.bootloader, diskBytes },
  })
  if (flags.json !== true) {
    await cli.out.write(`Installing image: ${displaySignedReference(common.source)}\n`)
    await cli.out.write(targetLines(target, blockSetup))
  }
  // Modes of directories that nobody gives a mode to are part of the disk.
  process.umask(0o022)
  const parts = await systemParts(cli, flags, flags)
  const result = await withProgress(cli, flags, flags.json !== true, (_progress, { signal, onProgress }) =>
    installToImage({
      parts,
      host,
      install: {
        ...common,
        blockSetup,
        typedPartitions: true,
        loader: {
          // A file may be started by many machines, which must not share it.
          randomSeed: !viaLoopback && flags.genericImage !== true,
          ...(flags.bootupdSkipBootUuid === true ? { skipBootUuid: true } : {}),
        },
      },
      disk: {
        ...layout.disk,
        // Of this disk alone: two with one image may be in one machine.
        seed: randomUUID(),
        // A device brings its own size.
        ...(viaLoopback ? { diskBytes: target.sizeBytes } : {}),
        ...(filesystem === undefined ? {} : { rootFs: filesystem }),
        ...(rootSize === undefined ? {} : { rootBytes: rootSize }),
        ...(bootMode === undefined ? {} : { bootMode }),
        ...(partition === undefined ? {} : { data: partition }),
      },
      output: { path: target.path, format: 'raw' },
      signal,
      onProgress: (event) => {
        if (!isDiskEvent(event)) onProgress(event)
      },
    }),
  )
  const { output, disk, installed, warnings } = result
  const all = { ...installed, warnings: [...layout.warnings, ...warnings] }
  await printInstalled(cli, flags, all, { disk: { output, disk } })
}

function targetLines({ sizeBytes, serial, model }: DiskTarget, blockSetup: string): string {
  return (
    `Block setup: ${blockSetup}\n` +
    `       Size: ${formatBytes(sizeBytes)}\n` +
    `     Serial: ${printable(serial ?? '<unknown>')}\n` +
    `      Model: ${printable(model ?? '<unknown>')}\n`
  )
}

type ImageEvent = Parameters<NonNullable<Parameters<typeof installToImage>[0]['onProgress']>>[0]
type DiskEvent = Extract<ImageEvent, { type: `disk:${string}` }>

function isDiskEvent(event: ImageEvent): event is DiskEvent {
  return event.type.startsWith('disk:')
}
