import type { JsonValue } from '../oci/strict-json.js'
import { parseDockerReference } from './docker-reference.js'
import { componentSource, domainSource } from './name-grammar.js'
import { asObject, exactKeys, PolicyProblem, requiredText } from './policy-members.js'
import type { IdentityMatch } from './policy-types.js'

/** A registry, alone or with a path. */
const remapPrefix = new RegExp(`^${domainSource}(?:/${componentSource})*$`)

/** `signedIdentity` of a requirement. @throws PolicyProblem */
export function parseIdentityMatch(value: JsonValue): IdentityMatch {
  const what = 'signedIdentity'
  const object = asObject(value, what)
  const type = object['type']
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      exactKeys(object, ['type'], what)
      return { type }
    case 'exactReference': {
      exactKeys(object, ['type', 'dockerReference'], what)
      const dockerReference = requiredText(object, 'dockerReference', what)
      const parsed = parseDockerReference(dockerReference)
      if (parsed === undefined)
        throw new PolicyProblem('dockerReference of signedIdentity is not a reference')
      if (parsed.isNameOnly)
        throw new PolicyProblem('dockerReference of signedIdentity has neither tag nor digest')
      return { type, dockerReference }
    }
    case 'exactRepository': {
      exactKeys(object, ['type', 'dockerRepository'], what)
      const dockerRepository = requiredText(object, 'dockerRepository', what)
      if (parseDockerReference(dockerRepository) === undefined) {
        throw new PolicyProblem('dockerRepository of signedIdentity is not a repository')
      }
      return { type, dockerRepository }
    }
    case 'remapIdentity': {
      exactKeys(object, ['type', 'prefix', 'signedPrefix'], what)
      return {
        type,
        prefix: remapping(requiredText(object, 'prefix', what)),
        signedPrefix: remapping(requiredText(object, 'signedPrefix', what)),
      }
    }
    default:
      throw new PolicyProblem(`unknown type ${JSON.stringify(type ?? null)} of signedIdentity`)
  }
}

function remapping(prefix: string): string {
  if (remapPrefix.test(prefix)) return prefix
  throw new PolicyProblem(`${JSON.stringify(prefix)} of signedIdentity is no registry or repository`)
}
