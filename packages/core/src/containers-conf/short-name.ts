import { parseRegistryName, printRegistryName } from '../oci/registry-name.js'
import { BootcError } from '../errors.js'
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

/**
 * The full names to try, in order, for a name as people type it: what podman tries where it has no terminal. A name
 * that holds its registry is that one.
 *
 * @throws BootcError `IMAGE_SHORT_NAME` for a short name that nothing is known about, and with `enforcing` for one
 *   that may mean several images (`details.candidates`); `IMAGE_REFERENCE_INVALID`
 * @see containers-registries.conf(5) "short-name-mode", podman 5.4
 */
export function namesToTry(name: string, conf: RegistriesConf): readonly string[] {
  const full = printRegistryName(parseRegistryName(name))
  const { bare } = splitName(name)
  if (namesRegistry(bare)) return [full]
  const found = resolveShortName(name, conf)
  if (found === undefined) {
    throw shortNameError(name, 'is no alias, and registries.conf names no registries to search')
  }
  const { kind, mode, names } = found
  if (kind === 'search' && mode === 'enforcing' && names.length > 1) {
    throw shortNameError(name, `may mean each of ${names.join(', ')}`, names)
  }
  return names
}

/** Is there a registry still to be found for this name? Names that cannot be read are not short. */
export function isShort(name: string): boolean {
  return isShortName(splitName(name).bare)
}

function shortNameError(name: string, problem: string, candidates: readonly string[] = []): BootcError {
  return new BootcError('IMAGE_SHORT_NAME', `short name ${JSON.stringify(name)} ${problem}`, {
    details: { reference: name, candidates },
  })
}

function splitName(name: string): { bare: string; rest: string } {
  const at = name.indexOf('@')
  const untilDigest = at < 0 ? name : name.slice(0, at)
  const colon = untilDigest.lastIndexOf(':')
  const end = colon > untilDigest.lastIndexOf('/') ? colon : untilDigest.length
  return { bare: name.slice(0, end), rest: name.slice(end) }
}

function isShortName(name: string): boolean {
  return !namesRegistry(name) && shortName.test(name)
}

/** The first component has a `.`, a `:` or is `localhost`. */
function namesRegistry(name: string): boolean {
  const first = name.split('/')[0]!
  return name.includes('/') && (/[.:]/.test(first) || first === 'localhost')
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
