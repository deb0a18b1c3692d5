import { parseRegistryName, printRegistryName } from '../oci/registry-name.js'
import { confInvalid } from './conf-error.js'
import { componentSource } from './name-grammar.js'
import type { RegistriesConf, ShortNameMode } from './registries-types.js'

const shortName = new RegExp(`^(?:[A-Za-z0-9-]+/)?${componentSource}(?:/${componentSource})*$`)

/** @throws BootcError `TRANSPORT_CONFIG_INVALID` for names with a registry, tag or digest, and for other targets */
export function checkAliases(
  aliases: ReadonlyMap<string, string>,
  path: string,
): ReadonlyMap<string, string> {
  for (const [name, target] of aliases) {
    if (!isShortName(name)) throw confInvalid(path, `${JSON.stringify(name)} is no short name`)
    if (target !== '' && expand(target) === undefined) {
      throw confInvalid(
        path,
        `alias ${JSON.stringify(name)} leads to ${JSON.stringify(target)}, which is no repository`,
      )
    }
  }
  return aliases
}

/** What a short name may stand for. */
export interface ShortNameCandidates {
  /** Expanded, `host/repository:tag` or `…@digest`, in the order in which they are tried; never empty. */
  readonly names: readonly string[]
  /** `alias`: the one answer. `search`: one of several, which `mode` says how to choose from. */
  readonly kind: 'alias' | 'search'
  readonly mode: ShortNameMode
}

/**
 * The full names that a short one may mean. An alias is the one answer; otherwise each registry that is searched
 * gives a candidate. Nothing here asks anybody: with `enforcing` (and `permissive` on a terminal) more than one
 * candidate is for a person to choose from.
 *
 * @returns undefined for a name that is not short (it names its registry), or that nothing is known about
 */
export function resolveShortName(name: string, conf: RegistriesConf): ShortNameCandidates | undefined {
  const { bare, rest } = splitName(name)
  if (!isShortName(bare)) return undefined
  const alias = conf.aliases.get(bare)
  const mode = conf.shortNameMode
  if (alias) return { names: [`${expand(alias)!}${rest || ':latest'}`], kind: 'alias', mode }
  const names = conf.unqualifiedSearchRegistries.map((registry) =>
    printRegistryName(parseRegistryName(`${registry}/${bare}${rest}`)),
  )
  return names.length === 0 ? undefined : { names, kind: 'search', mode }
}

function splitName(name: string): { bare: string; rest: string } {
  const at = name.indexOf('@')
  const untilDigest = at < 0 ? name : name.slice(0, at)
  const colon = untilDigest.lastIndexOf(':')
  const end = colon > untilDigest.lastIndexOf('/') ? colon : untilDigest.length
  return { bare: name.slice(0, end), rest: name.slice(end) }
}

/** No registry: the first component has no `.`, no `:` and is not `localhost`. */
function isShortName(name: string): boolean {
  const first = name.split('/')[0]!
  const namesRegistry = name.includes('/') && (/[.:]/.test(first) || first === 'localhost')
  return !namesRegistry && shortName.test(name)
}

/** `host/repository`, expanded; undefined when it is something else. */
function expand(target: string): string | undefined {
  const first = target.split('/')[0]!
  if (!/[.:]/.test(first) && first !== 'localhost') return undefined
  if (target.includes('@') || splitName(target).rest !== '' || !target.includes('/')) return undefined
  try {
    const { registry, repository } = parseRegistryName(target)
    return printRegistryName({ registry, repository })
  } catch {
    return undefined
  }
}
