import { createHash } from 'node:crypto'
import { parseSignedPayload, SignatureRejection, type ImageSignature } from '@bootc-sdk/core/containers-conf'

/**
 * Is there a signature of an image by a key, as `cosign verify --key` would find? Both forms count: attachments, and
 * the bundles of cosign 3. Whatever name the image was signed under, its digest must be the one given.
 *
 * @param topBytes manifest or index that the reference names
 * @param keys public keys in PEM, any of which suffices
 * @returns undefined when there is a good one, else what is wrong with each
 */
export async function signedByKey(
  signatures: readonly ImageSignature[],
  topBytes: Uint8Array,
  keys: readonly Uint8Array[],
): Promise<readonly string[] | undefined> {
  const digest = `sha256:${createHash('sha256').update(topBytes).digest('hex')}`
  const [{ verifyBundle }, { verifySigstore }] = await Promise.all([
    import('./bundle.js'),
    import('./sigstore.js'),
  ])
  const problems: string[] = []
  for (const signature of signatures) {
    try {
      if (signature.kind === 'simple') continue
      if (signature.kind === 'sigstore') {
        await verifySigstore(signature, { kind: 'keys', keys }, 0)
        const signed = parseSignedPayload(signature.payload, 'sigstore').manifestDigest
        if (signed !== digest) throw new SignatureRejection(`a signature for digest ${signed} does not match`)
        return undefined
      }
      if (signature.bundle === undefined) throw new SignatureRejection(`${signature.format} is unknown`)
      verifyBundle(signature.bundle, digest, keys)
      return undefined
    } catch (error) {
      if (!(error instanceof SignatureRejection)) throw error
      problems.push(error.message)
    }
  }
  return problems
}
