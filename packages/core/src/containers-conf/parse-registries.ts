import { confInvalid } from './conf-error.js'
import { domainSource } from './name-grammar.js'
import { checkAliases } from './short-name.js'
import { parseToml, TomlMembers } from './toml-members.js'
import type {
  MirrorTable,
  MirrorUse,
  RegistriesFile,
  RegistryTable,
  ShortNameMode,
} from './registries-types.js'

/**
 * Read one file of the registries.conf family.
 *
 * @param path for messages
 * @param options `dropIn`: the older form, version 1, is allowed in the main file only
 * @throws BootcError `TRANSPORT_CONFIG_INVALID`
 * @see containers-registries.conf(5), containers/image 5.34 pkg/sysregistriesv2
 */
export function parseRegistriesFile(
  text: string,
  path: string,
  options: { readonly dropIn?: boolean } = {},
): RegistriesFile {
  const members = new TomlMembers(parseToml(text, path), path)
  const tables = members.tables('registry')
  const search = members.texts('unqualified-search-registries')
  const credentialHelpers = members.texts('credential-helpers')
  const mode = members.text('short-name-mode') ?? ''
  const layerHelper = members.text('additional-layer-store-auth-helper') ?? ''
  const aliases = members.textMap('aliases')
  const old = parseV1(members, path)
  if (old !== undefined) {
    if (options.dropIn) throw confInvalid(path, 'a drop-in is in the old format (version 1)')
    const isMixed =
      [tables, search, credentialHelpers, aliases].some((value) => value !== undefined) ||
      mode !== '' ||
      layerHelper !== ''
    if (isMixed) throw confInvalid(path, 'mixes the old format (version 1) with the new one')
  }
  const registries = old?.registries ?? (tables ?? []).map((table) => parseRegistry(table, path))
  checkConflicts(registries, path)
  const searched = (old?.search ?? search)?.map((entry) => searchRegistry(entry, path))
  return {
    path,
    registries: firstOfEachPrefix(registries),
    ...(searched === undefined ? {} : { unqualifiedSearchRegistries: searched }),
    ...(credentialHelpers === undefined ? {} : { credentialHelpers }),
    ...(mode === '' ? {} : { shortNameMode: shortNameMode(mode, path) }),
    aliases: checkAliases(aliases ?? new Map(), path),
  }
}

/** Trailing slashes go. @throws BootcError `TRANSPORT_CONFIG_INVALID` for URLs */
function location(text: string, path: string): string {
  const trimmed = text.replace(/\/+$/, '')
  if (/^https?:\/\//.test(trimmed))
    throw confInvalid(path, `${JSON.stringify(text)} is a URL, not a location`)
  return trimmed
}

function parseRegistry(members: TomlMembers, path: string): RegistryTable {
  const where = location(members.text('location') ?? '', path)
  const stated = members.text('prefix') ?? ''
  if (stated === '' && where === '') throw confInvalid(path, 'a registry has neither location nor prefix')
  const prefix = stated === '' ? where : location(stated, path)
  const isWildcard = prefix.startsWith('*.')
  if (where === '' && !isWildcard) {
    throw confInvalid(path, `registry ${JSON.stringify(prefix)} has no location`)
  }
  if (isWildcard && /[/@:]/.test(prefix)) {
    throw confInvalid(path, `${JSON.stringify(prefix)}: a wildcard is followed by a domain and nothing else`)
  }
  if ((members.text('pull-from-mirror') ?? '') !== '') {
    throw confInvalid(path, `registry ${JSON.stringify(prefix)}: pull-from-mirror belongs to its mirrors`)
  }
  const mirrorByDigestOnly = members.flag('mirror-by-digest-only') ?? false
  return {
    prefix,
    location: where,
    insecure: members.flag('insecure') ?? false,
    blocked: members.flag('blocked') ?? false,
    mirrorByDigestOnly,
    mirrors: (members.tables('mirror') ?? []).map((one) => parseMirror(one, mirrorByDigestOnly, path)),
    file: path,
  }
}

const uses: ReadonlySet<string> = new Set<MirrorUse>(['all', 'digest-only', 'tag-only'])

function parseMirror(members: TomlMembers, byDigestOnly: boolean, path: string): MirrorTable {
  const where = location(members.text('location') ?? '', path)
  if (where === '') throw confInvalid(path, 'a mirror has no location')
  const use = members.text('pull-from-mirror') ?? ''
  if (use !== '' && byDigestOnly) {
    throw confInvalid(path, `mirror ${where}: pull-from-mirror and mirror-by-digest-only exclude each other`)
  }
  if (use !== '' && !uses.has(use)) {
    throw confInvalid(path, `mirror ${where}: unknown pull-from-mirror ${JSON.stringify(use)}`)
  }
  return { location: where, insecure: members.flag('insecure') ?? false, use: (use || 'all') as MirrorUse }
}

/** One place cannot be insecure in one table and secure in another. */
function checkConflicts(registries: readonly RegistryTable[], path: string): void {
  const first = new Map<string, RegistryTable>()
  for (const registry of registries) {
    const key = registry.location || registry.prefix
    const other = first.get(key)
    if (other === undefined) first.set(key, registry)
    else if (other.insecure !== registry.insecure || other.blocked !== registry.blocked) {
      const setting = other.insecure === registry.insecure ? 'blocked' : 'insecure'
      throw confInvalid(path, `registry ${JSON.stringify(key)} is given twice with different ${setting}`)
    }
  }
}

function firstOfEachPrefix(registries: readonly RegistryTable[]): RegistryTable[] {
  const byPrefix = new Map<string, RegistryTable>()
  for (const registry of registries) {
    if (!byPrefix.has(registry.prefix)) byPrefix.set(registry.prefix, registry)
  }
  return [...byPrefix.values()]
}

const domain = new RegExp(`^${domainSource}$`)

function searchRegistry(text: string, path: string): string {
  const trimmed = location(text, path)
  if (!domain.test(trimmed)) throw confInvalid(path, `${JSON.stringify(text)} is no registry to search`)
  return trimmed
}

function shortNameMode(text: string, path: string): ShortNameMode {
  if (text === 'disabled' || text === 'enforcing' || text === 'permissive') return text
  throw confInvalid(path, `unknown short-name-mode ${JSON.stringify(text)}`)
}

/** Version 1: `[registries.search]`, `[registries.insecure]`, `[registries.block]` with lists; undefined without. */
function parseV1(
  members: TomlMembers,
  path: string,
): { registries: RegistryTable[]; search: string[] } | undefined {
  const parent = members.table('registries')
  const list = (name: string): string[] | undefined => parent?.table(name)?.texts('registries')
  const [search, insecure, block] = [list('search'), list('insecure'), list('block')]
  if (search === undefined && insecure === undefined && block === undefined) return undefined
  const isInsecure = new Set(insecure?.map((text) => location(text, path)))
  const isBlocked = new Set(block?.map((text) => location(text, path)))
  const registries = [...new Set([...isBlocked, ...isInsecure])].map((where) => {
    if (where === '') throw confInvalid(path, 'a registry has neither location nor prefix')
    return {
      prefix: where,
      location: where,
      insecure: isInsecure.has(where),
      blocked: isBlocked.has(where),
      mirrorByDigestOnly: false,
      mirrors: [],
      file: path,
    }
  })
  return { registries, search: search ?? [] }
}
