import { BootcError } from '../../errors.js'
import type { OpOptions } from '../../interfaces/common.js'
import { isDigest, isTag } from '../../oci/index.js'
import { nextPage } from './link-header.js'
import { readDocumentBody } from './read-body.js'
import { safeUrl } from './redirect.js'
import type { RegistryClient } from './registry-client.js'
import { statusError } from './status-error.js'

/** A page; registries that know no pages send everything in one. */
const MAX_PAGE_BYTES = 32 * 1024 * 1024
const MAX_PAGES = 10_000
const MAX_TAGS = 1_000_000

export interface ListTagsOptions extends OpOptions {
  /** Tags of a page; the registry may send fewer. Default: as many as it likes. */
  readonly pageSize?: number | undefined
  /** Only tags after this one, in the registry's order. */
  readonly last?: string | undefined
}

/**
 * The tags of a repository, in the registry's order, over as many pages as there are. Digests and empty names among
 * them are passed over.
 *
 * @throws `TRANSPORT_NOT_FOUND`, `TRANSPORT_PROTOCOL`, …
 */
export async function listTags(
  client: RegistryClient,
  repository: string,
  { pageSize, last, signal }: ListTagsOptions = {},
): Promise<string[]> {
  const query = new URLSearchParams()
  if (pageSize !== undefined) query.set('n', String(pageSize))
  if (last !== undefined) query.set('last', last)
  const tags = new Set<string>()
  const seen = new Set<string>()
  let path: string | URL | undefined = `tags/list${query.size === 0 ? '' : `?${query}`}`
  while (path !== undefined) {
    const response = await client.get(repository, path, { signal })
    if (response.status !== 200) throw await statusError(response, `tags of ${repository}`)
    const where = safeUrl(response.url)
    for (const tag of parseTags(await readDocumentBody(response, 'tags', MAX_PAGE_BYTES, signal), where)) {
      tags.add(tag)
    }
    path = nextPage(response)
    if (path === undefined) break
    if (seen.has(path.href)) throw odd(where, 'leads in circles')
    seen.add(path.href)
    if (seen.size >= MAX_PAGES || tags.size > MAX_TAGS) throw odd(where, 'does not come to an end')
  }
  return [...tags]
}

function parseTags(bytes: Uint8Array, where: string): string[] {
  let tags: unknown
  try {
    tags = (JSON.parse(Buffer.from(bytes).toString()) as { tags?: unknown } | null)?.tags ?? []
  } catch {
    throw odd(where, 'is no JSON')
  }
  if (!Array.isArray(tags)) throw odd(where, 'has no list')
  return tags.flatMap((tag: unknown) => {
    if (typeof tag !== 'string') throw odd(where, 'has a tag that is no text')
    if (tag === '' || isDigest(tag)) return []
    if (!isTag(tag)) throw odd(where, `has the invalid tag ${JSON.stringify(tag.slice(0, 128))}`)
    return [tag]
  })
}

function odd(url: string, problem: string): BootcError {
  return new BootcError('TRANSPORT_PROTOCOL', `the list of tags at ${url} ${problem}`, { details: { url } })
}
