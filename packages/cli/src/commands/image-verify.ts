import { printImageReference } from '@bootc-sdk/core/oci'
import { resolveImage } from '@bootc-sdk/core'
import { UsageError, type Cli } from '../io.js'
import { checkKey } from './check-key.js'
import { findImgref } from './find-imgref.js'
import { demandedSignature, openPolicy } from './open-policy.js'
import { openTransports, type NetworkOptions } from './open-system.js'
import { printWarnings } from './print-change.js'

interface VerifyFlags extends NetworkOptions {
  readonly policy?: string
  readonly key?: string
  readonly json?: boolean
}

/** `bootc-sdk image verify`: what `--enforce-container-sigpolicy` would say about an image, or a key alone. */
export async function imageVerify(cli: Cli, options: VerifyFlags, text: string): Promise<void> {
  const { key, policy: policyFile } = options
  if (key !== undefined && policyFile !== undefined)
    throw new UsageError('--key and --policy exclude each other')
  const transports = await openTransports(options)
  const signed = await findImgref(cli, transports, text)
  const reference = signed.image
  const policy = key === undefined ? await openPolicy(transports, policyFile) : undefined
  const { signal } = cli
  const image = await resolveImage(transports, reference, { signal })
  await policy?.check(image, demandedSignature(signed, true), { signal })
  if (key !== undefined) await checkKey(cli, transports, image, key)
  await printWarnings(cli, image.warnings ?? [])
  const name = printImageReference(reference)
  const digest = image.index?.digest ?? image.manifestDigest
  if (options.json === true) {
    const { manifestDigest, servedBy } = image
    const from = servedBy === undefined ? {} : { servedBy: servedBy.name }
    await cli.out.write(
      `${JSON.stringify({ reference: name, accepted: true, digest, manifestDigest, ...from })}\n`,
    )
    return
  }
  await cli.out.write(`Accepted: ${name}\n  Digest: ${digest}\n`)
  if (image.servedBy !== undefined) await cli.out.write(`  From: ${image.servedBy.name}\n`)
}
