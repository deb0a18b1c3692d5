import { transportFor } from '@bootc-sdk/core'
import { printImageReference, type ImageReference } from '@bootc-sdk/core/oci'
import type { LayerCompressionName, RechunkOptions, RechunkResult } from '@bootc-sdk/core/rechunk'
import { formatBytes, printable } from '../format.js'
import { parseImgref } from '../imgref.js'
import { UsageError, type Cli } from '../io.js'
import { asPullEvent } from '../progress/as-pull-event.js'
import { findImgref } from './find-imgref.js'
import { openImageTarget } from './image-target.js'
import { demandedSignature, openPolicy } from './open-policy.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { parsePlatform } from './platform.js'
import { printWarnings } from './print-change.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface RechunkFlags extends NetworkOptions, ProgressOptions {
  readonly maxLayers: number
  readonly previous?: string
  readonly compression?: LayerCompressionName
  readonly sourceDateEpoch?: number
  readonly platform?: string
  readonly enforceContainerSigpolicy?: boolean
  readonly tmpdir?: string
  readonly json?: boolean
}

/** `bootc-sdk image rechunk`. */
export async function imageRechunk(cli: Cli, options: RechunkFlags, from: string, to: string): Promise<void> {
  if (options.maxLayers < 1 || options.maxLayers > 1024) {
    throw new UsageError('--max-layers takes a number from 1 to 1024')
  }
  const { rechunkImage } = await import('@bootc-sdk/core/rechunk')
  const transports = await openTransports(options)
  const source = await findImgref(cli, transports, from)
  const placeOf = (reference: ImageReference) => ({
    transport: transportFor(transports, reference.transport),
    reference,
  })
  await using target = await openImageTarget(transports, to)
  const signature = demandedSignature(source, options.enforceContainerSigpolicy === true)
  const policy = signature.kind === 'insecure' ? undefined : await openPolicy(transports)
  const result = await withProgress(cli, options, false, (_progress, { signal, onProgress }) => {
    const rechunk: RechunkOptions = {
      source: placeOf(source.image),
      target,
      maxLayers: options.maxLayers,
      signal,
      onProgress: (event) => onProgress(asPullEvent(event)),
      ...(options.previous === undefined ? {} : { previous: placeOf(parseImgref(options.previous).image) }),
      ...(options.compression === undefined ? {} : { compression: options.compression }),
      ...(options.sourceDateEpoch === undefined ? {} : { newestSeconds: options.sourceDateEpoch }),
      ...(options.platform === undefined ? {} : { platform: parsePlatform(options.platform) }),
      ...(options.tmpdir === undefined ? {} : { temporaryDir: options.tmpdir }),
      ...(policy === undefined ? {} : { check: (image) => policy.check(image, signature, { signal }) }),
    }
    return rechunkImage(rechunk)
  })
  await printWarnings(cli, result.warnings)
  if (options.json === true) await printJson(cli, result)
  else await printTable(cli, result, source.image, target.reference)
}

async function printTable(
  cli: Cli,
  result: RechunkResult,
  source: ImageReference,
  target: ImageReference,
): Promise<void> {
  const { layerTitle } = await import('@bootc-sdk/core/rechunk')
  const { layers, manifestDigest, copiedBytes, skippedBytes, database } = result
  const rows = layers.map(({ descriptor, kept, role, groups }) => [
    formatBytes(descriptor.size),
    kept ? 'kept' : 'new',
    printable(layerTitle(role, groups)),
  ])
  const width = Math.max('SIZE'.length, ...rows.map(([size]) => size!.length))
  for (const [size, state, holds] of [['SIZE', '', 'HOLDS'], ...rows]) {
    await cli.out.write(`${size!.padStart(width)}  ${state!.padEnd(4)}  ${holds}\n`)
  }
  const bytes = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
  const kept = layers.filter((layer) => layer.kept)
  const keptBytes = kept.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
  const by = database === undefined ? 'directories' : `packages of ${database}`
  await cli.out.write(
    `\nRechunked: ${printImageReference(source)} => ${printImageReference(target)}\n` +
      `  Digest: ${manifestDigest}\n` +
      `  Layers: ${layers.length} by ${by}, ${formatBytes(bytes)}; ` +
      `${kept.length} of them (${formatBytes(keptBytes)}) are those of before\n` +
      `  Copied: ${formatBytes(copiedBytes)}${skippedBytes > 0 ? `, ${formatBytes(skippedBytes)} were there` : ''}\n`,
  )
}

async function printJson(cli: Cli, result: RechunkResult): Promise<void> {
  const { manifestDigest, copiedBytes, skippedBytes, database, warnings } = result
  const layers = result.layers.map(({ descriptor, diffId, role, groups, kept }) => ({
    digest: descriptor.digest,
    bytes: descriptor.size,
    ...{ diffId, role, groups, kept },
  }))
  const report = { manifestDigest, copiedBytes, skippedBytes, database: database ?? null, layers, warnings }
  await cli.out.write(`${JSON.stringify(report)}\n`)
}
