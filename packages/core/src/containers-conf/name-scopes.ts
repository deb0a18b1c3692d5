import { parseRegistryName, printRegistryName } from '../oci/registry-name.js'

/**
 * The scopes that a registry name falls under, the most specific first: the name itself, its repository and the
 * paths above it, the registry with its port, and the domains above the registry as `*.domain`.
 *
 * @param name in any form; expanded here; a tag besides a digest is dropped
 * @throws BootcError `IMAGE_REFERENCE_INVALID`
 * @see containers-policy.json(5) "docker:"
 */
export function scopesOfName(name: string): string[] {
  const { registry, repository, tag, digest } = parseRegistryName(name)
  const which = digest === undefined ? { tag: tag ?? 'latest' } : { digest }
  const scopes = [printRegistryName({ registry, repository, ...which })]
  for (let path = `${registry}/${repository}`; ; path = path.slice(0, path.lastIndexOf('/'))) {
    scopes.push(path)
    if (!path.includes('/')) break
  }
  // An address in brackets has no port to take off at its first colon, but nothing with dots above it either.
  const host = registry.split(':')[0]!
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    scopes.push(`*.${host.slice(dot + 1)}`)
  }
  return scopes
}
