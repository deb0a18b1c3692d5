import { BootcError } from '../../errors.js'
import type { Digest, OpOptions } from '../../interfaces/common.js'
import { digestAlgorithm, digestHex } from '../../oci/digest.js'
import { maxDocumentBytes, parseIndex } from '../../oci/documents.js'
import { mediaTypes } from '../../oci/media-types.js'
import type { Descriptor } from '../../oci/types.js'
import { headerValues, singleHeader } from './http.js'
import { nextPage } from './link-header.js'
import { readDocumentBody } from './read-body.js'
import type { RegistryClient, RegistryResponse } from './registry-client.js'
import { statusError } from './status-error.js'

const MAX_PAGES = 100
const MAX_REFERRERS = 10_000

export interface ReferrersOptions extends OpOptions {
  /** Only those of this type. */
  readonly artifactType?: string | undefined
}

/** The tag under which registries without the API keep an index of referrers. */
export function referrersTag(digest: Digest): string {
  return `${digestAlgorithm(digest)}-${digestHex(digest).slice(0, 64)}`
}

/**
 * Manifests that name another one as their subject: signatures, SBOMs. Asked of the API, and where there is none of
 * the tag that takes its place; a manifest without any, and one that is not there, have none.
 *
 * @throws `TRANSPORT_*`, `IMAGE_MANIFEST_INVALID`, `IMAGE_TOO_LARGE`
 * @see OCI distribution-spec 1.1.1 "Listing Referrers", "Unavailable Referrers API"
 */
export async function listReferrers(
  client: RegistryClient,
  repository: string,
  digest: Digest,
  { artifactType, signal }: ReferrersOptions = {},
): Promise<Descriptor[]> {
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`
  const what = `referrers of ${digest}`
  const found: Descriptor[] = []
  let path: string | URL = `referrers/${digest}${query}`
  for (let page = 1; ; page++) {
    const response: RegistryResponse = await client.get(repository, path, {
      accept: mediaTypes.ociIndex,
      signal,
    })
    if (page === 1 && !isIndex(response)) {
      if (response.status !== 200 && !withoutApi.has(response.status)) throw await statusError(response, what)
      await response.discard()
      return [...matching(await taggedReferrers(client, repository, digest, signal), artifactType)]
    }
    if (!isIndex(response)) throw await statusError(response, what)
    const filters = headerValues(response, 'oci-filters-applied')
      .join()
      .split(/\s*,\s*/)
    const { manifests } = parseIndex(await readDocumentBody(response, what, maxDocumentBytes, signal))
    found.push(...(filters.includes('artifactType') ? manifests : matching(manifests, artifactType)))
    const next = nextPage(response)
    if (next === undefined) return found
    if (page === MAX_PAGES || found.length > MAX_REFERRERS) {
      throw new BootcError('TRANSPORT_PROTOCOL', `the list of ${what} does not come to an end`, {
        details: { digest },
      })
    }
    path = next
  }
}

/** What the tag lists that stands in for the API; empty when there is none, or it is something else. */
export async function taggedReferrers(
  client: RegistryClient,
  repository: string,
  digest: Digest,
  signal?: AbortSignal,
): Promise<readonly Descriptor[]> {
  const path = `manifests/${referrersTag(digest)}`
  const what = `referrers of ${digest}`
  const response = await client.get(repository, path, { accept: mediaTypes.ociIndex, signal })
  if (isIndex(response)) {
    return parseIndex(await readDocumentBody(response, what, maxDocumentBytes, signal)).manifests
  }
  if (response.status === 200) {
    await response.discard()
    return []
  }
  const error = await statusError(response, what)
  if (error.code === 'TRANSPORT_NOT_FOUND') return []
  throw error
}

/** Registries that know nothing of referrers. */
const withoutApi: ReadonlySet<number> = new Set([400, 404, 405, 501])

function isIndex(response: RegistryResponse): boolean {
  const type = singleHeader(response, 'content-type')?.split(';')[0]!.trim()
  return response.status === 200 && type === mediaTypes.ociIndex
}

function matching(manifests: readonly Descriptor[], artifactType: string | undefined): readonly Descriptor[] {
  if (artifactType === undefined) return manifests
  return manifests.filter((one) => one.artifactType === artifactType)
}
