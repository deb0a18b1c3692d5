import { parseRegistryName, printRegistryName } from '../oci/registry-name.js'
import type { RegistryName } from '../oci/registry-name.js'
import { confInvalid } from './conf-error.js'
import type { PullSource, RegistriesConf, RegistryTable } from './registries-types.js'

/**
 * How many characters of a name a prefix covers; undefined when it does not match. `*.domain` stands for any host
 * below the domain, and counts up to the end of the first place where `.domain` stands.
 */
export function matchPrefix(name: string, prefix: string): number | undefined {
  if (!prefix.startsWith('*.')) return name.startsWith(prefix) ? endsThere(name, prefix.length) : undefined
  const tail = prefix.slice(1)
  const at = name.indexOf(tail)
  if (at < 0 || name.slice(0, at).includes('/')) return undefined
  return endsThere(name, at + tail.length)
}

function endsThere(name: string, end: number): number | undefined {
  return end === name.length || /[:/@]/.test(name[end]!) ? end : undefined
}

/**
 * The table that a repository falls under: the one with the longest prefix.
 *
 * @param name `host/repository` without tag and digest: prefixes with a tag match nothing, as in containers/image
 */
export function findRegistry(name: string, conf: RegistriesConf): RegistryTable | undefined {
  let found: RegistryTable | undefined
  for (const table of conf.registries) {
    if (matchPrefix(name, table.prefix) === undefined) continue
    if (table.prefix.length > (found?.prefix.length ?? 0)) found = table
  }
  return found
}

/**
 * Where to look for an image, in the order in which to try: mirrors that serve such references, then the registry
 * itself. Any failure at one goes on to the next. A place that is blocked comes with `blockedBy` and must not be
 * contacted; mirrors of a blocked registry are not blocked by that.
 *
 * @param reference a registry name in any form; a tag besides a digest is dropped
 * @throws BootcError `IMAGE_REFERENCE_INVALID`, `TRANSPORT_CONFIG_INVALID` when rewriting makes no valid name
 * @see containers/image 5.34 pkg/sysregistriesv2 PullSourcesFromReference
 */
export function registrySources(reference: string, conf: RegistriesConf): readonly PullSource[] {
  const parsed = parseRegistryName(reference)
  const { registry, repository, tag, digest } = parsed
  const name = printRegistryName(
    digest === undefined ? { registry, repository, tag: tag ?? 'latest' } : { registry, repository, digest },
  )
  const table = findRegistry(repositoryName(parsed), conf)
  if (table === undefined) return [{ name, insecure: undefined, kind: 'primary' }]
  const mirrors = table.mirrors
    .filter(({ use }) =>
      digest === undefined ? use !== 'digest-only' && !table.mirrorByDigestOnly : use !== 'tag-only',
    )
    .map(({ location, insecure }): PullSource => {
      const physical = rewrite(name, table, location)
      const blocking = findRegistry(repositoryName(parseRegistryName(physical)), conf)
      return { name: physical, insecure, kind: 'mirror', ...blocked(blocking) }
    })
  const physical = rewrite(name, table, table.location)
  const blocking = table.blocked ? table : findRegistry(repositoryName(parseRegistryName(physical)), conf)
  return [...mirrors, { name: physical, insecure: table.insecure, kind: 'primary', ...blocked(blocking) }]
}

/**
 * Where an image is written to: neither mirrors nor rewriting count, but whether the registry is insecure or blocked.
 *
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 */
export function registryTarget(reference: string, conf: RegistriesConf): PullSource {
  const table = findRegistry(repositoryName(parseRegistryName(reference)), conf)
  return { name: reference, insecure: table?.insecure, kind: 'primary', ...blocked(table) }
}

function blocked(table: RegistryTable | undefined): { blockedBy?: string } {
  return table?.blocked ? { blockedBy: table.prefix } : {}
}

function rewrite(name: string, { prefix, file }: RegistryTable, location: string): string {
  if (location === '') return name
  const length = matchPrefix(name, prefix)
  const rewritten = length === undefined ? undefined : location + name.slice(length)
  try {
    // Names that would mean another place once expanded are a mistake in the file.
    if (rewritten !== undefined && printRegistryName(parseRegistryName(rewritten)) === rewritten)
      return rewritten
  } catch (cause) {
    throw confInvalid(file, `${name} cannot be rewritten from ${prefix} to ${location}`, cause)
  }
  throw confInvalid(file, `${name} cannot be rewritten from ${prefix} to ${location}`)
}

function repositoryName({ registry, repository }: RegistryName): string {
  return `${registry}/${repository}`
}
