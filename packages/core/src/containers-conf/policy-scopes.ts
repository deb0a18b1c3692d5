import { BootcError } from '../errors.js'
import { isDigest } from '../oci/digest.js'
import { printImageReference } from '../oci/parse-reference.js'
import type { ImageReference } from '../oci/reference.js'
import { parseRegistryName, printRegistryName } from '../oci/registry-name.js'
import { parseDockerReference } from './docker-reference.js'
import { scopesOfName } from './name-scopes.js'
import type { ContainersPolicy, PolicyRequirement } from './policy-types.js'

/** What only the machine knows about a reference. */
export interface ReferencePlace {
  /** Absolute path without symbolic links, for `oci`, `oci-archive` and `dir`. */
  readonly realPath?: string
  /** For `containers-storage`: `overlay`, `/var/lib/containers/storage`. */
  readonly driver?: string
  readonly graphRoot?: string
}

/** The one list of requirements that applies, and where it stands in the policy. */
export interface PolicyDecision {
  readonly requirements: readonly PolicyRequirement[]
  /** `default`, or the transport and scope: `docker:quay.io/team`. */
  readonly where: string
}

/**
 * The requirements for an image: those of the most specific scope that its transport has, else those of the
 * transport's scope `""`, else the default.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`; `IMAGE_POLICY_UNSUPPORTED` when `place` lacks what is needed
 */
export function requirementsFor(
  reference: ImageReference,
  policy: ContainersPolicy,
  place: ReferencePlace = {},
): PolicyDecision {
  const transport = policyTransport(reference)
  const lists = policy.transports.get(transport)
  if (lists !== undefined) {
    // Where nothing else is said, nothing about the machine needs to be known.
    const hasScopes = lists.size > 1 || !lists.has('')
    for (const scope of [...(hasScopes ? policyScopes(reference, place) : []), '']) {
      const requirements = lists.get(scope)
      if (requirements !== undefined) return { requirements, where: `${transport}:${scope}` }
    }
  }
  return { requirements: policy.default, where: 'default' }
}

/** Name of a transport in policies. */
export function policyTransport({ transport }: ImageReference): string {
  return transport === 'registry' ? 'docker' : transport
}

/**
 * Scopes of a reference, the most specific first; without the transport's own `""`.
 *
 * @see containers-policy.json(5) "Supported transports and their scopes"
 */
export function policyScopes(reference: ImageReference, place: ReferencePlace = {}): string[] {
  switch (reference.transport) {
    case 'registry':
      return scopesOfName(reference.name)
    case 'docker-daemon':
      return isDigest(reference.name) ? [] : scopesOfName(reference.name)
    case 'docker-archive':
      return []
    case 'oci':
    case 'oci-archive':
    case 'dir':
      return pathScopes(needed(reference, place.realPath, 'its real path'))
    case 'containers-storage':
      return storageScopes(reference, place)
  }
}

/**
 * The name by which signatures may speak for an image, `host/repository:tag` or `…@digest`.
 *
 * @returns undefined for transports without such names
 */
export function dockerReferenceOf(reference: ImageReference): string | undefined {
  const { transport, name } = reference
  switch (transport) {
    case 'registry':
      return scopesOfName(name)[0]
    case 'docker-daemon':
      return isDigest(name) ? undefined : scopesOfName(name)[0]
    case 'docker-archive': {
      const colon = name.indexOf(':')
      const tagged = colon < 0 ? '' : name.slice(colon + 1)
      return tagged === '' || tagged.startsWith('@') ? undefined : parseDockerReference(tagged)?.full
    }
    case 'containers-storage':
      return storageName(name).named
    default:
      return undefined
  }
}

function pathScopes(path: string): string[] {
  const scopes: string[] = []
  for (let at = path; at.length > 1; at = at.slice(0, at.lastIndexOf('/'))) scopes.push(at)
  return scopes
}

/** Name and image id of `[STORE]NAME[@ID]`; an id alone has no name. */
function storageName(text: string): { named?: string; id?: string } {
  const rest = text.startsWith('[') ? text.slice(text.indexOf(']') + 1) : text
  const id = /(?:^@?|@)([0-9a-f]{64})$/.exec(rest)
  const name = id === null ? rest : rest.slice(0, id.index)
  const found = id === null ? {} : { id: id[1]! }
  if (name === '') return found
  const { registry, repository, tag, digest } = parseRegistryName(name)
  const hasTag = parseDockerReference(name)?.hasTag === true || digest === undefined
  const named = printRegistryName({
    registry,
    repository,
    ...(hasTag && tag !== undefined ? { tag } : {}),
    ...(digest === undefined ? {} : { digest }),
  })
  return { named, ...found }
}

function storageScopes(reference: ImageReference, place: ReferencePlace): string[] {
  const root = needed(reference, place.graphRoot, 'the root of the storage')
  const driver = needed(reference, place.driver, 'the driver of the storage')
  const store = `[${driver}@${root}]`
  const { named, id } = storageName(reference.name)
  const scopes = [`${store}${named ?? ''}${id === undefined ? '' : `@${id}`}`]
  if (named !== undefined) {
    if (id !== undefined) scopes.push(store + named)
    const [untilDigest, digest] = named.split('@')
    if (digest !== undefined && parseDockerReference(named)?.hasTag) scopes.push(store + untilDigest!)
    const { registry, repository } = parseRegistryName(named)
    for (let path = `${registry}/${repository}`; ; path = path.slice(0, path.lastIndexOf('/'))) {
      scopes.push(store + path)
      if (!path.includes('/')) break
    }
  }
  return [...scopes, store, `[${root}]`]
}

function needed(reference: ImageReference, value: string | undefined, what: string): string {
  if (value !== undefined) return value
  const name = printImageReference(reference)
  throw new BootcError(
    'IMAGE_POLICY_UNSUPPORTED',
    `${name}: its policy depends on ${what}, which is not known`,
    {
      details: { reference: name },
    },
  )
}
