import { transportFor } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core/oci'
import type { CopyImageOptions } from '@bootc-sdk/core/transports'
import { formatBytes } from '../format.js'
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

interface CopyFlags extends NetworkOptions, ProgressOptions {
  readonly platform?: string
  readonly all?: boolean
  readonly multiArch?: 'system' | 'all' | 'index-only'
  readonly referrers?: boolean
  readonly enforceContainerSigpolicy?: boolean
  readonly insecurePolicy?: boolean
  readonly parallel?: number
  readonly json?: boolean
}

/** `bootc-sdk image copy`. */
export async function imageCopy(cli: Cli, options: CopyFlags, from: string, to: string): Promise<void> {
  const { platform, all, multiArch } = options
  if (all === true && multiArch !== undefined)
    throw new UsageError('--all and --multi-arch exclude each other')
  const instances = all === true ? 'all' : (multiArch ?? 'system')
  if (platform !== undefined && instances !== 'system') {
    throw new UsageError('--platform is for copying one image of an index')
  }
  await transfer(cli, options, from, to, { mayTransfer: true, instances })
}

/** `bootc-sdk image promote`. */
export async function imagePromote(cli: Cli, options: CopyFlags, from: string, to: string): Promise<void> {
  const [source, target] = [parseImgref(from).image, parseImgref(to).image]
  if (source.transport !== 'registry' || target.transport !== 'registry') {
    throw new UsageError('both names have to be of a registry; "image copy" knows other places')
  }
  // An index keeps its digest, and so all that it names.
  await transfer(cli, { ...options, quiet: true }, from, to, { mayTransfer: false, instances: 'all' })
}

async function transfer(
  cli: Cli,
  options: CopyFlags,
  from: string,
  to: string,
  how: Required<Pick<CopyImageOptions, 'mayTransfer' | 'instances'>>,
): Promise<void> {
  const { copyImage } = await import('@bootc-sdk/core/transports')
  const transports = await openTransports(options)
  const source = await findImgref(cli, transports, from)
  const transport = transportFor(transports, source.image.transport)
  await using target = await openImageTarget(transports, to)
  // The policy is asked unless that is refused.
  const { enforceContainerSigpolicy = false, insecurePolicy = false } = options
  const signature = demandedSignature(source, enforceContainerSigpolicy)
  if (insecurePolicy && signature.kind !== 'insecure') {
    throw new UsageError('--insecure-policy is not for images that are to be verified')
  }
  const policy = insecurePolicy ? undefined : await openPolicy(transports)
  const result = await withProgress(cli, options, false, (_progress, { signal, onProgress }) => {
    const copy: CopyImageOptions = {
      source: { transport, reference: source.image },
      target,
      ...how,
      ...(options.referrers === true ? { referrers: true } : {}),
      signal,
      onProgress: (event) => onProgress(asPullEvent(event)),
      ...(options.platform === undefined ? {} : { platform: parsePlatform(options.platform) }),
      ...(options.parallel === undefined ? {} : { concurrency: Math.max(1, options.parallel) }),
      ...(policy === undefined ? {} : { check: (image) => policy.check(image, signature, { signal }) }),
    }
    return copyImage(copy)
  })
  await printWarnings(cli, result.image.warnings ?? [])
  const { manifestDigest, copiedBytes, skippedBytes, manifests, referrers } = result
  if (options.json === true) {
    const shown = { manifestDigest, copiedBytes, skippedBytes, manifests, referrers }
    await cli.out.write(`${JSON.stringify(shown)}\n`)
    return
  }
  await cli.out.write(
    `Copied: ${printImageReference(source.image)} => ${printImageReference(target.reference)}\n`,
  )
  await cli.out.write(`  Digest: ${manifestDigest}\n`)
  if (manifests > 1) await cli.out.write(`  Manifests: ${manifests}\n`)
  if (referrers > 0) await cli.out.write(`  Referrers: ${referrers}\n`)
  const there = skippedBytes > 0 ? `, ${formatBytes(skippedBytes)} were there` : ''
  await cli.out.write(`  Copied: ${formatBytes(copiedBytes)}${there}\n`)
}
