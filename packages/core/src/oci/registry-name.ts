import type { Digest } from '../interfaces/common.js'
import type { ImageReference } from './reference.js'
import { BootcError } from '../errors.js'
import { isDigest } from './digest.js'

/** A registry image, fully expanded: `fedora` is `docker.io`, `library/fedora`, tag `latest`. */
export interface RegistryName {
  /** Logical registry, with port when given. `docker.io` is reached at another host: see `registryHost`. */
  readonly registry: string
  readonly repository: string
  /** Set to `latest` when neither tag nor digest was given. */
  readonly tag?: string
  readonly digest?: Digest
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`)
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`)
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const maxNameLength = 255
const defaultRegistry = 'docker.io'

/**
 * Parse `[registry/]repository[:tag][@digest]` with the rules of distribution references: the first component
 * is a registry only when it holds `.` or `:` or is `localhost`; otherwise the registry is docker.io, where a
 * single component lives below `library/`. Tag and digest together are accepted; the digest decides.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 * @see OCI distribution-spec 1.1.1 "Pulling manifests", containers/image 5.34 docker/reference
 */
export function parseRegistryName(name: string): RegistryName {
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(name, '64 hex digits alone are an image id')
  const at = name.indexOf('@')
  const digest = at < 0 ? undefined : name.slice(at + 1)
  if (digest !== undefined && !isDigest(digest)) throw invalid(name, 'digest is not sha256 or sha512 in hex')

  const untilDigest = at < 0 ? name : name.slice(0, at)
  const colon = untilDigest.lastIndexOf(':')
  const hasTag = colon > untilDigest.lastIndexOf('/')
  const tag = hasTag ? untilDigest.slice(colon + 1) : digest === undefined ? 'latest' : undefined
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(name, `invalid tag ${JSON.stringify(tag)}`)

  const { registry, repository } = splitRegistry(hasTag ? untilDigest.slice(0, colon) : untilDigest)
  if (!registryPattern.test(registry)) throw invalid(name, `invalid registry ${JSON.stringify(registry)}`)
  if (!repositoryPattern.test(repository)) {
    throw invalid(name, `invalid repository ${JSON.stringify(repository)}`)
  }
  if (registry.length + 1 + repository.length > maxNameLength) {
    throw invalid(name, `longer than ${maxNameLength} characters`)
  }
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** `registry/repository[:tag][@digest]`, fully expanded. */
export function printRegistryName({ registry, repository, tag, digest }: RegistryName): string {
  const tagPart = tag === undefined ? '' : `:${tag}`
  return `${registry}/${repository}${tagPart}${digest === undefined ? '' : `@${digest}`}`
}

/** Host that serves a logical registry over HTTP. */
export function registryHost(registry: string): string {
  return registry === defaultRegistry ? 'registry-1.docker.io' : registry
}

/** True for a tag that the distribution-spec allows. */
export function isTag(text: string): boolean {
  return tagPattern.test(text)
}

/**
 * What is pulled for a reference: a registry name with both tag and digest loses its tag (and is printed
 * expanded, as bootc does); everything else is returned as it is.
 */
export function canonicalReference(reference: ImageReference): ImageReference {
  if (reference.transport !== 'registry' || !reference.name.includes('@')) return reference
  const { registry, repository, tag, digest } = parseRegistryName(reference.name)
  if (tag === undefined || digest === undefined) return reference
  return { transport: 'registry', name: printRegistryName({ registry, repository, digest }) }
}

/** Digest that a registry-style name asks for; undefined when there is none or the name is not of that style. */
export function referenceDigest(reference: ImageReference): Digest | undefined {
  try {
    return parseRegistryName(reference.name).digest
  } catch {
    return undefined
  }
}

/**
 * The same image under another tag (`upgrade --tag`); a digest is dropped. Registry names come back expanded,
 * other names keep what stands before their tag.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID` for an invalid tag, and for `dir:`, which knows no tags
 */
export function replaceTag(reference: ImageReference, tag: string): ImageReference {
  const { transport, name } = reference
  if (!tagPattern.test(tag)) throw invalid(name, `invalid tag ${JSON.stringify(tag)}`)
  if (transport === 'dir') throw invalid(name, 'a directory holds one image, without tags')
  if (transport === 'registry' || transport === 'containers-storage' || transport === 'docker-daemon') {
    const parsed = tryParse(name)
    if (parsed !== undefined) {
      const { registry, repository } = parsed
      return { transport, name: printRegistryName({ registry, repository, tag }) }
    }
  }
  const untilDigest = name.replace(/@sha(?:256|512):[0-9a-f]+$/, '')
  // Paths of layouts hold no colon, but their reference names may.
  const isLayout = transport === 'oci' || transport === 'oci-archive'
  const colon = isLayout ? untilDigest.indexOf(':') : untilDigest.lastIndexOf(':')
  return { transport, name: `${colon < 0 ? untilDigest : untilDigest.slice(0, colon)}:${tag}` }
}

function splitRegistry(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost'
  const registry = isRegistry && first !== 'index.docker.io' ? first : defaultRegistry
  const rest = isRegistry ? name.slice(slash + 1) : name
  const repository = registry === defaultRegistry && !rest.includes('/') ? `library/${rest}` : rest
  return { registry, repository }
}

function tryParse(name: string): RegistryName | undefined {
  try {
    return parseRegistryName(name)
  } catch {
    return undefined
  }
}

function invalid(name: string, problem: string): BootcError {
  return new BootcError('IMAGE_REFERENCE_INVALID', `image name ${JSON.stringify(name)}: ${problem}`, {
    details: { reference: name },
  })
}
