import { transportFor, type ProgressEvent } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core/oci'
import type { CopyImageOptions } from '@bootc-sdk/core/transports'
import { formatBytes } from '../format.js'
import { parseImgref } from '../imgref.js'
import { UsageError, type Cli } from '../io.js'
import { openPolicy } from './open-policy.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { parsePlatform } from './platform.js'
import { printWarnings } from './print-change.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface CopyFlags extends NetworkOptions, ProgressOptions {
  readonly platform?: string
  readonly enforceContainerSigpolicy?: boolean
  readonly parallel?: number
  readonly json?: boolean
}

/** `bootc-sdk image copy`. */
export async function imageCopy(cli: Cli, options: CopyFlags, from: string, to: string): Promise<void> {
  await transfer(cli, options, from, to, true)
}

/** `bootc-sdk image promote`. */
export async function imagePromote(cli: Cli, options: CopyFlags, from: string, to: string): Promise<void> {
  const [source, target] = [parseImgref(from).image, parseImgref(to).image]
  if (source.transport !== 'registry' || target.transport !== 'registry') {
    throw new UsageError('both names have to be of a registry; "image copy" knows other places')
  }
  await transfer(cli, { ...options, quiet: true }, from, to, false)
}

async function transfer(
  cli: Cli,
  options: CopyFlags,
  from: string,
  to: string,
  mayTransfer: boolean,
): Promise<void> {
  const { copyImage, defaultDestinations } = await import('@bootc-sdk/core/transports')
  const source = parseImgref(from)
  const target = parseImgref(to).image
  const transports = await openTransports(options)
  const transport = transportFor(transports, source.image.transport)
  const destination = defaultDestinations(transports).find((each) =>
    each.transports.includes(target.transport),
  )
  if (destination === undefined) throw new UsageError(`nothing can be written to ${target.transport}:`)
  const isEnforced = options.enforceContainerSigpolicy === true || source.signature.kind !== 'insecure'
  const policy = isEnforced ? await openPolicy(transports) : undefined
  const signature =
    source.signature.kind === 'insecure' ? ({ kind: 'containerPolicy' } as const) : source.signature
  const result = await withProgress(cli, options, false, (_progress, { signal, onProgress }) => {
    const copy: CopyImageOptions = {
      source: { transport, reference: source.image },
      target: { destination, reference: target },
      mayTransfer,
      signal,
      onProgress: (event) => onProgress(asPullEvent(event)),
      ...(options.platform === undefined ? {} : { platform: parsePlatform(options.platform) }),
      ...(options.parallel === undefined ? {} : { concurrency: Math.max(1, options.parallel) }),
      ...(policy === undefined ? {} : { check: (image) => policy.check(image, signature, { signal }) }),
    }
    return copyImage(copy)
  })
  await printWarnings(cli, result.image.warnings ?? [])
  const { manifestDigest, copiedBytes, skippedBytes } = result
  if (options.json === true) {
    await cli.out.write(`${JSON.stringify({ manifestDigest, copiedBytes, skippedBytes })}\n`)
    return
  }
  await cli.out.write(`Copied: ${printImageReference(source.image)} => ${printImageReference(target)}\n`)
  await cli.out.write(`  Digest: ${manifestDigest}\n`)
  const there = skippedBytes > 0 ? `, ${formatBytes(skippedBytes)} were there` : ''
  await cli.out.write(`  Copied: ${formatBytes(copiedBytes)}${there}\n`)
}

/** Bars know layers. */
function asPullEvent(event: Parameters<NonNullable<CopyImageOptions['onProgress']>>[0]): ProgressEvent {
  return event.type === 'copy:blob' ? { type: 'pull:layer', detail: event.detail } : event
}
