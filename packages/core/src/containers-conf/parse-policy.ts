import { isDigest } from '../oci/digest.js'
import { parseStrictJson } from '../oci/strict-json.js'
import { policyInvalid, problemOf } from './conf-error.js'
import { parseRequirements } from './parse-requirement.js'
import { asObject, onlyKeys, PolicyProblem } from './policy-members.js'
import type { ContainersPolicy, PolicyRequirement } from './policy-types.js'

/**
 * Read policy.json. Everything that is not understood makes it invalid, as containers/image has it: an unknown or
 * repeated key, an unknown requirement, an empty list, a scope that its transport cannot have. Only names of
 * transports are free.
 *
 * @param path for messages
 * @throws BootcError `IMAGE_POLICY_INVALID`
 * @see containers-policy.json(5), containers/image 5.34 signature/policy_config.go
 */
export function parsePolicy(bytes: Uint8Array, path: string): ContainersPolicy {
  try {
    const root = asObject(parseStrictJson(bytes), 'the policy')
    onlyKeys(root, ['default', 'transports'], 'the policy')
    if (!('default' in root)) throw new PolicyProblem('the policy has no "default"')
    const transports = asObject('transports' in root ? root['transports'] : {}, 'transports')
    return {
      default: parseRequirements(root['default']!, 'default'),
      transports: new Map(Object.keys(transports).map((name) => [name, parseScopes(transports[name], name)])),
    }
  } catch (cause) {
    if (cause instanceof PolicyProblem || cause instanceof SyntaxError) {
      throw policyInvalid(path, problemOf(cause), cause)
    }
    throw cause
  }
}

function parseScopes(
  value: Parameters<typeof asObject>[0],
  transport: string,
): ReadonlyMap<string, readonly PolicyRequirement[]> {
  const scopes = asObject(value, `transports.${transport}`)
  return new Map(
    Object.keys(scopes).map((scope) => {
      const where = `scope ${JSON.stringify(scope)} of ${transport}`
      if (scope !== '' && !isScope(transport, scope)) throw new PolicyProblem(`${where} cannot exist`)
      return [scope, parseRequirements(scopes[scope]!, where)]
    }),
  )
}

/** What a transport's scopes look like; unknown transports have any. */
function isScope(transport: string, scope: string): boolean {
  switch (transport) {
    case 'oci':
    case 'oci-archive':
    case 'dir':
    case 'sif':
      return isCleanPath(scope)
    case 'docker-archive':
    case 'tarball':
      return false
    case 'docker-daemon':
      return !isDigest(scope)
    case 'containers-storage':
      return isStorageScope(scope)
    case 'atomic':
      return /^[^/]*(?:\/[^/:]*(?:\/[^/:]*(?::[^:]*)?)?)?$/.test(scope)
    default:
      return true
  }
}

function isCleanPath(scope: string): boolean {
  return scope.startsWith('/') && scope !== '/' && !/\/(?:\.{1,2})?(?:\/|$)/.test(scope)
}

/** `[DRIVER@/ROOT]` or `[/ROOT]`, then a name. */
function isStorageScope(scope: string): boolean {
  const match = /^\[(?:([^@\]]+)@)?(\/[^\]]*)\](.*)$/s.exec(scope)
  if (match === null) return false
  const [name, ...rest] = match[3]!.split('@')
  if (name === undefined || rest.length > 2) return false
  const isId = (text: string | undefined): boolean => /^[0-9a-f]{64}$/.test(text ?? '')
  if (rest.length === 2) return isDigest(rest[0]) && isId(rest[1])
  return rest.length === 0 || isDigest(rest[0]) || isId(rest[0])
}
