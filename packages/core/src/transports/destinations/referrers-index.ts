import type { ManifestToPut } from '../../interfaces/destination.js'
import type { OpOptions } from '../../interfaces/common.js'
import { parseIndex, parseManifest, isIndexMediaType } from '../../oci/index.js'
import { mediaTypes } from '../../oci/media-types.js'
import type { Descriptor } from '../../oci/types.js'
import { referrersTag, taggedReferrers } from '../registry/referrers.js'
import type { RegistryClient, RegistryResponse } from '../registry/registry-client.js'
import { statusError } from '../registry/status-error.js'

/**
 * List a manifest among the referrers of its subject, at a registry that did not say that it does so itself: under the
 * tag that readers look at. Two writers at once may lose one of their entries; the API has nothing against that.
 *
 * @see OCI distribution-spec 1.1.1 "Pushing Manifests with Subject"
 */
export async function listAsReferrer(
  client: RegistryClient,
  repository: string,
  manifest: ManifestToPut,
  response: RegistryResponse,
  { signal }: OpOptions,
): Promise<void> {
  const isIndex = isIndexMediaType(manifest.mediaType)
  const parsed = isIndex ? parseIndex(manifest.bytes) : parseManifest(manifest.bytes)
  const { subject, annotations } = parsed
  if (subject === undefined || 'oci-subject' in response.headers) return
  const known = await taggedReferrers(client, repository, subject.digest, signal)
  if (known.some(({ digest }) => digest === manifest.digest)) return
  const artifactType = parsed.artifactType ?? ('config' in parsed ? parsed.config.mediaType : undefined)
  const entry: Descriptor = {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...known, entry] }
  const put = await client.send(repository, {
    method: 'PUT',
    path: `manifests/${referrersTag(subject.digest)}`,
    headers: { 'content-type': mediaTypes.ociIndex },
    body: Buffer.from(JSON.stringify(index)),
    signal,
  })
  if (put.status !== 201) throw await statusError(put, `referrers of ${subject.digest}`)
  await put.discard()
}
