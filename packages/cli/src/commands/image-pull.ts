import { pullImage } from '@bootc-sdk/core'
import { displaySignedReference } from '@bootc-sdk/core/oci'
import type { ErofsVersion, VerityAlgorithm } from '@bootc-sdk/composefs-backend'
import type { RepoMode } from '@bootc-sdk/ostree-backend'
import { UsageError, type Cli } from '../io.js'
import { formatBytes, printable } from '../format.js'
import { findImgref } from './find-imgref.js'
import type { StoreOptions } from './image-store.js'
import { openPolicy } from './open-policy.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { printWarnings } from './print-change.js'
import type { PullTarget } from './pull-target.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

interface PullFlags extends StoreOptions, NetworkOptions, ProgressOptions {
  readonly init?: RepoMode
  readonly algorithm?: VerityAlgorithm
  readonly erofsVersion?: ErofsVersion
  readonly bootable?: boolean
  readonly json?: boolean
}

/** `bootc-sdk image pull`. */
export async function imagePull(cli: Cli, options: PullFlags, text: string): Promise<void> {
  checkFlags(options)
  const transports = await openTransports(options, { resume: cli.env })
  const reference = await findImgref(cli, transports, text)
  const policy = await openPolicy(transports)
  await using target = await openTarget(options)
  const result = await withProgress(cli, options, options.json !== true, (_progress, operation) =>
    pullImage({
      ...operation,
      transports,
      policy,
      store: target.store,
      reference: reference.image,
      source: reference.signature,
    }),
  )
  await printWarnings(cli, result.warnings)
  const { image } = result
  const ids = await target.describe(image)
  if (options.json === true) {
    await cli.out.write(
      `${JSON.stringify({
        manifestDigest: image.manifestDigest,
        configDigest: image.configDigest,
        ...ids.json,
        changed: result.changed,
        bytesFetched: result.bytesFetched,
        bytesResumed: result.bytesResumed,
        ...(result.servedBy === undefined ? {} : { servedBy: result.servedBy }),
        layers: result.layers.map((layer) => target.layer(layer)),
      })}\n`,
    )
    return
  }
  const name = displaySignedReference(reference)
  if (!result.changed) {
    await cli.out.write(`No changes in ${name} => ${image.manifestDigest}\n`)
  } else {
    await cli.out.write(`Imported: ${name}\n  Digest: ${image.manifestDigest}\n`)
    const { bytesFetched, bytesResumed, servedBy } = result
    const resumed = bytesResumed === 0 ? '' : `, resumed: ${formatBytes(bytesResumed)}`
    await cli.out.write(`  Fetched: ${formatBytes(bytesFetched)}${resumed}\n`)
    if (servedBy !== undefined) await cli.out.write(`  From: ${printable(servedBy)}\n`)
  }
  for (const [label, id] of ids.lines) await cli.out.write(`  ${label}: ${id}\n`)
}

/** Only the backend that is asked for is loaded. */
async function openTarget(options: PullFlags): Promise<PullTarget> {
  if (options.store === 'composefs') return (await import('./pull-composefs.js')).composefsTarget(options)
  return (await import('./pull-ostree.js')).ostreeTarget(options)
}

function checkFlags(options: PullFlags): void {
  const others =
    options.store === 'composefs' ? (['init'] as const) : (['algorithm', 'erofsVersion', 'bootable'] as const)
  for (const name of others) {
    if (options[name] === undefined) continue
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new UsageError(`--${flag} is not for --store ${options.store}`)
  }
}
