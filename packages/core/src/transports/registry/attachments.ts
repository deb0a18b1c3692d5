import { maxSignatureBytes, maxSignatures, sigstoreSignatureType } from '../../containers-conf/index.js'
import type { ImageSignature } from '../../containers-conf/index.js'
import type { Digest } from '../../interfaces/common.js'
import { digestAlgorithm, digestHex, verifyDigest } from '../../oci/digest.js'
import { maxDocumentBytes, parseManifest } from '../../oci/documents.js'
import { manifestAccept, mediaTypes } from '../../oci/media-types.js'
import type { Descriptor } from '../../oci/types.js'
import { signatureBudget, signatureInvalid } from '../signature-error.js'
import { singleHeader } from './http.js'
import { readDocumentBody } from './read-body.js'
import { listReferrers } from './referrers.js'
import type { RegistryClient } from './registry-client.js'
import { statusError } from './status-error.js'

/** What cosign 3 writes by default: one layer of this type, found through the referrers API. */
const bundleType = 'application/vnd.dev.sigstore.bundle'
/** As what cosign 3.1 lists it where there is no referrers API: by its config. */
const emptyType = 'application/vnd.oci.empty.v1+json'

/**
 * Signatures that cosign put beside an image, under the tag `sha256-HEX.sig`. Without that tag the referrers of
 * the image are asked for signatures of the newer kind, which no policy knows: better told than passed over.
 *
 * @param digest of the manifest or index that is signed
 * @param options `both`: ask for those of the newer kind in any case
 * @throws `IMAGE_SIGNATURE_INVALID`, `TRANSPORT_*`
 * @see cosign 2.5 specs/SIGNATURE_SPEC.md
 */
export async function readAttachments(
  client: RegistryClient,
  repository: string,
  digest: Digest,
  {
    signal,
    both = false,
  }: { readonly signal?: AbortSignal | undefined; readonly both?: boolean | undefined } = {},
): Promise<ImageSignature[]> {
  const tag = `${digestAlgorithm(digest)}-${digestHex(digest)}.sig`
  const where = `${repository}:${tag}`
  const response = await client.get(repository, `manifests/${tag}`, { accept: manifestAccept, signal })
  if (response.status !== 200) {
    const error = await statusError(response, `signatures of ${digest}`)
    if (error.code !== 'TRANSPORT_NOT_FOUND') throw error
    return bundles(client, repository, digest, signal)
  }
  const type = singleHeader(response, 'content-type')?.split(';')[0]!.trim()
  const bytes = await readDocumentBody(response, 'signatures', maxDocumentBytes, signal)
  if (type !== mediaTypes.ociManifest) throw signatureInvalid(where, `is served as ${type ?? 'nothing'}`)
  const layers = parseManifest(bytes).layers.filter(({ mediaType }) => mediaType === sigstoreSignatureType)
  if (layers.length > maxSignatures) throw signatureInvalid(where, `more than ${maxSignatures} signatures`)
  const signatures: ImageSignature[] = []
  const count = signatureBudget(where)
  for (const layer of layers) {
    const payload = await readPayload(client, repository, layer, where, signal)
    count(payload)
    const { mediaType, annotations = {} } = layer
    signatures.push({ kind: 'sigstore', mimeType: mediaType, payload, annotations })
  }
  return both ? [...signatures, ...(await bundles(client, repository, digest, signal))] : signatures
}

async function readPayload(
  client: RegistryClient,
  repository: string,
  layer: Descriptor,
  where: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  if (layer.size > maxSignatureBytes) throw signatureInvalid(where, `a signature of ${layer.size} bytes`)
  const response = await client.get(repository, `blobs/${layer.digest}`, { signal })
  if (response.status !== 200) throw await statusError(response, `signature ${layer.digest}`)
  const payload = await readDocumentBody(response, 'signature', maxSignatureBytes, signal)
  verifyDigest(payload, layer.digest, layer.size)
  return payload
}

/**
 * Signatures that refer to the image. Failures here change nothing: without a signature it is no.
 *
 * @see cosign 3.1, OCI image-spec 1.1.1 "manifest.md"
 */
async function bundles(
  client: RegistryClient,
  repository: string,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<ImageSignature[]> {
  const found: ImageSignature[] = []
  const where = `referrers of ${digest}`
  try {
    const referrers = await listReferrers(client, repository, digest, { signal })
    const mayBe = referrers.filter(
      ({ artifactType }) =>
        artifactType === undefined || artifactType === emptyType || artifactType.startsWith(bundleType),
    )
    const count = signatureBudget(where)
    for (const referrer of mayBe.slice(0, maxSignatures)) {
      const one = await readBundle(client, repository, referrer, signal).catch(() => {
        signal?.throwIfAborted()
        // There is one, whatever it says.
        const format = referrer.artifactType
        return format?.startsWith(bundleType) === true ? { format } : undefined
      })
      if (one === undefined) continue
      if ('bundle' in one) count(one.bundle)
      found.push({ kind: 'unsupported', ...one })
    }
  } catch {
    signal?.throwIfAborted()
  }
  return found
}

/** Undefined for other things that refer to an image. */
async function readBundle(
  client: RegistryClient,
  repository: string,
  { digest, size }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<{ format: string; bundle: Uint8Array } | undefined> {
  const response = await client.get(repository, `manifests/${digest}`, { accept: manifestAccept, signal })
  if (response.status !== 200) throw await statusError(response, `referrer ${digest}`)
  const bytes = await readDocumentBody(response, 'referrer', maxDocumentBytes, signal)
  verifyDigest(bytes, digest, size)
  const { layers } = parseManifest(bytes)
  const layer = layers.find(({ mediaType }) => mediaType.startsWith(bundleType))
  if (layer === undefined) return undefined
  return {
    format: layer.mediaType,
    bundle: await readPayload(client, repository, layer, `referrer ${digest}`, signal),
  }
}
