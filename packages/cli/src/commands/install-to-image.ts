import { readFile } from 'node:fs/promises'
import { BootcError, type ProgressEvent } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import { nodeHost } from '@bootc-sdk/core/node'
import {
  type Customizations,
  type ImageDisk,
  installToImage,
  type InstallToImageResult,
  type PackEvent,
  parseCustomizations,
} from '@bootc-sdk/disk-image'
import type { PartitionFlag } from '../define/partition-option.js'
import { UsageError, type Cli } from '../io.js'
import { formatBytes, printable } from '../format.js'
import { commonOptions, type InstallFlags } from './install-flags.js'
import { systemParts } from './open-system.js'
import { printInstalled } from './print-installed.js'
import { repartLayout } from './repart-layout.js'
import { withProgress } from './with-progress.js'

interface ImageFlags extends InstallFlags {
  readonly format?: 'raw' | 'qcow2'
  readonly config?: string
  readonly architecture?: string
  readonly bootMode?: 'uefi' | 'bios' | 'both'
  readonly filesystem?: 'ext4' | 'xfs' | 'btrfs'
  readonly size?: number
  readonly rootSize?: number
  readonly espSize?: number
  readonly xbootldr?: boolean
  readonly xbootldrSize?: number
  readonly partition?: readonly PartitionFlag[]
  readonly repart?: string
  readonly rootMountSpec?: string
  readonly scratch?: string
}

/** `bootc-sdk install to-image`. */
export async function installImage(cli: Cli, flags: ImageFlags, out: string): Promise<void> {
  // Modes of directories that nobody gives a mode to are part of the disk.
  process.umask(0o022)
  const common = await commonOptions(flags)
  const customizations = await readConfig(flags.config)
  const { architecture, rootMountSpec, scratch } = flags
  const epoch = sourceDateEpoch(cli)
  const host = nodeHost({ live: false })
  const layout = await repartLayout(flags.repart, {
    architecture: architecture ?? host.arch,
    bootloader: flags.bootloader,
    diskBytes: flags.size,
  })
  const parts = await systemParts(cli, flags, flags)
  const format = flags.format ?? (out.endsWith('.qcow2') ? 'qcow2' : 'raw')
  if (flags.json !== true) {
    await cli.out.write(`Installing image: ${displaySignedReference(common.source)}\n`)
  }
  const result = await withProgress(cli, flags, flags.json !== true, (_progress, operation) =>
    installToImage({
      parts,
      host,
      install: {
        ...common,
        // Nothing of this machine goes into the image.
        config: [],
        aleph: { kernel: 'unknown', hostSelinux: false },
        ...(architecture === undefined ? {} : { architecture }),
        ...(rootMountSpec === undefined ? {} : { rootMountSpec }),
        loader: { ...(flags.bootupdSkipBootUuid === true ? { skipBootUuid: true } : {}) },
      },
      ...(customizations === undefined ? {} : { customizations }),
      disk: { ...layout.disk, ...diskOf(flags) },
      output: { path: out, format },
      ...(scratch === undefined ? {} : { scratchPath: scratch }),
      ...(epoch === undefined ? {} : { epoch }),
      signal: operation.signal,
      onProgress: (event) => {
        if (!isPackEvent(event)) operation.onProgress(event)
        else if (flags.quiet !== true) void cli.err.write(packLine(event))
      },
    }),
  )
  await printImage(cli, flags, { ...result, warnings: [...layout.warnings, ...result.warnings] })
}

/** Of the `output` of a result, as one line. */
async function printImage(cli: Cli, flags: ImageFlags, result: InstallToImageResult): Promise<void> {
  const { output, disk, installed, epoch } = result
  if (flags.json !== true) {
    const parts = disk.partitions.map(
      ({ name, fs, sizeBytes }) =>
        `${name} ${formatBytes(sizeBytes)}${fs === undefined ? '' : ` ${fs.type}`}`,
    )
    await cli.out.write(
      `Disk: ${printable(output.path)}, ${output.format}, ${formatBytes(output.diskBytes)}\n`,
    )
    await cli.out.write(`Partitions: ${parts.join(', ')}\n`)
  }
  await printInstalled(
    cli,
    flags,
    { ...installed, warnings: result.warnings },
    { disk: { output, disk, epoch } },
  )
}

function diskOf(flags: ImageFlags): ImageDisk {
  const { bootMode, filesystem, size, rootSize, espSize, xbootldr, xbootldrSize, partition } = flags
  return {
    ...(partition === undefined ? {} : { data: partition }),
    ...(bootMode === undefined ? {} : { bootMode }),
    ...(filesystem === undefined ? {} : { rootFs: filesystem }),
    ...(size === undefined ? {} : { diskBytes: size }),
    ...(rootSize === undefined ? {} : { rootBytes: rootSize }),
    ...(espSize === undefined ? {} : { espBytes: espSize }),
    ...(xbootldr !== true && xbootldrSize === undefined
      ? {}
      : { xbootldr: xbootldrSize === undefined ? {} : { sizeBytes: xbootldrSize } }),
  }
}

/** What is not understood is refused: an image without what was asked for would be noticed when it is too late. */
async function readConfig(path: string | undefined): Promise<Customizations | undefined> {
  if (path === undefined) return undefined
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new BootcError('HOST_NO_FILE', `Reading ${path} failed`, { details: { path }, cause })
  })
  return parseCustomizations(text, { strict: true })
}

/** Reproducible builds set it. @see reproducible-builds.org, SOURCE_DATE_EPOCH */
function sourceDateEpoch({ env }: Cli): number | undefined {
  const text = env['SOURCE_DATE_EPOCH']
  if (text === undefined || text === '') return undefined
  if (/^\d{1,10}$/.test(text)) return Math.max(1, Number(text))
  throw new UsageError('SOURCE_DATE_EPOCH is no number of seconds')
}

/** Packing has no bars: a line when something long begins. */
function packLine(event: PackEvent): string {
  if (event.type !== 'disk:format' || event.detail.done) return ''
  const { partition, fs, entries } = event.detail
  return `making ${partition} (${fs}), ${entries} entries\n`
}

function isPackEvent(event: ProgressEvent | PackEvent): event is PackEvent {
  return event.type.startsWith('disk:')
}
