import { readFile } from 'node:fs/promises'
import { BootcError, type ImageTransport, type ResolvedImage } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core/oci'
import { UsageError, type Cli } from '../io.js'
import { loadSignatures } from './load-signatures.js'

/**
 * Demand a cosign signature by a key, whatever policies say: as an attachment, or as the bundle that cosign 3 makes.
 *
 * @param keyFile public key in PEM
 * @throws BootcError `IMAGE_POLICY_REJECTED`
 */
export async function checkKey(
  { signal }: Cli,
  transports: readonly ImageTransport[],
  image: ResolvedImage,
  keyFile: string,
): Promise<void> {
  const key = await readFile(keyFile).catch(() => {
    throw new UsageError(`${keyFile} cannot be read`)
  })
  const { signaturesFrom } = await import('@bootc-sdk/core/transports')
  const signatures = await signaturesFrom(transports)(image, { signal, attachments: true })
  const { signedByKey } = await loadSignatures()
  const problems = await signedByKey(signatures, image.index?.bytes ?? image.manifestBytes, [key])
  if (problems === undefined) return
  const reference = printImageReference(image.reference)
  const reason = problems.length === 0 ? 'there are no cosign signatures' : problems.join('; ')
  const digest = image.index?.digest ?? image.manifestDigest
  throw new BootcError('IMAGE_POLICY_REJECTED', `${reference} is not signed by ${keyFile}: ${reason}`, {
    details: { reference, digest, key: keyFile, reason },
  })
}
