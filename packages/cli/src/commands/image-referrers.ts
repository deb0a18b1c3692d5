import type { Descriptor } from '@bootc-sdk/core/oci'
import { formatBytes, printable } from '../format.js'
import { UsageError, type Cli } from '../io.js'
import { findImgref } from './find-imgref.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { registryOf } from './image-tags.js'

interface ReferrersFlags extends NetworkOptions {
  readonly artifactType?: string
  readonly json?: boolean
}

/** `bootc-sdk image referrers`: what other manifests say about an image. */
export async function imageReferrers(cli: Cli, options: ReferrersFlags, text: string): Promise<void> {
  const transports = await openTransports(options)
  const { image: reference } = await findImgref(cli, transports, text)
  if (reference.transport !== 'registry') throw new UsageError('only images of a registry have referrers')
  const { signal } = cli
  const raw = await registryOf(transports).openRaw!(reference, { signal })
  const found = (await raw.referrers!(raw.top.digest, { signal })).filter(
    ({ artifactType }) => options.artifactType === undefined || artifactType === options.artifactType,
  )
  if (options.json === true) {
    await cli.out.write(`${JSON.stringify({ digest: raw.top.digest, referrers: found }, undefined, 2)}\n`)
    return
  }
  for (const referrer of found) await cli.out.write(`${line(referrer)}\n`)
}

function line({ digest, artifactType, mediaType, size }: Descriptor): string {
  // Types are whatever somebody pushed.
  return `${digest}  ${printable((artifactType ?? mediaType).slice(0, 128))}  ${formatBytes(size)}`
}
