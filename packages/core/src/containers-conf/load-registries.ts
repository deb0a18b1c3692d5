import { join } from 'node:path'
import { confInvalid } from './conf-error.js'
import { hostConfReader, listConf, readConfText, userConfigDir, variable } from './conf-reader.js'
import type { ConfContext, ConfReader } from './conf-reader.js'
import { parseRegistriesFile } from './parse-registries.js'
import { authFileHelper, emptyRegistriesConf } from './registries-types.js'
import type { RegistriesConf, RegistriesFile } from './registries-types.js'
import { checkAliases } from './short-name.js'
import { parseToml, TomlMembers } from './toml-members.js'

export interface RegistriesConfOptions extends ConfContext {
  /** The main file, which must exist. Default `$CONTAINERS_REGISTRIES_CONF`, else the search below. */
  readonly path?: string
  /** Directory of drop-ins, instead of the system's. Default `$CONTAINERS_REGISTRIES_CONF_DIR`. */
  readonly directory?: string
  /** Root's record of short names lies in /var/cache, that of others below their home. Default: effective uid 0. */
  readonly root?: boolean
}

/**
 * The configuration of registries as skopeo and podman find it: `~/.config/containers/registries.conf` if there is
 * one, else `/etc/containers/registries.conf`, then `*.conf` of `registries.conf.d` by name: of the user alone when
 * the main file is the user's, else of /etc and then of the user. Later files win, table by table. No file at all
 * is no configuration.
 *
 * @throws BootcError `TRANSPORT_CONFIG_INVALID`, naming the file
 * @see containers-registries.conf(5), containers-registries.conf.d(5)
 */
export async function loadRegistriesConf(options: RegistriesConfOptions = {}): Promise<RegistriesConf> {
  const { env, reader = hostConfReader() } = options
  const files: RegistriesFile[] = []
  const { main, mustExist, directories } = await places(options, reader)
  const text = await readConfText(reader, main)
  if (text !== undefined) files.push(parseRegistriesFile(text, main))
  else if (mustExist) throw confInvalid(main, 'not found')
  for (const directory of directories) {
    for (const name of await listConf(reader, directory, '.conf')) {
      const path = join(directory, name)
      const dropIn = await readConfText(reader, path)
      if (dropIn !== undefined) files.push(parseRegistriesFile(dropIn, path, { dropIn: true }))
    }
  }
  const merged = mergeRegistries(files)
  const recorded = await recordedAliases(reader, env, options.root ?? process.geteuid?.() === 0)
  // What people chose when they were asked wins over the files.
  return recorded.size === 0 ? merged : { ...merged, aliases: new Map([...merged.aliases, ...recorded]) }
}

/** Later files win: tables by prefix, aliases by name, everything else as a whole. */
export function mergeRegistries(files: readonly RegistriesFile[]): RegistriesConf {
  const tables = new Map<string, RegistriesConf['registries'][number]>()
  let conf = emptyRegistriesConf
  for (const file of files) {
    for (const table of file.registries) tables.set(table.prefix, table)
    conf = {
      ...conf,
      unqualifiedSearchRegistries: file.unqualifiedSearchRegistries ?? conf.unqualifiedSearchRegistries,
      credentialHelpers: file.credentialHelpers ?? conf.credentialHelpers,
      shortNameMode: file.shortNameMode ?? conf.shortNameMode,
      aliases: new Map([...conf.aliases, ...file.aliases]),
    }
  }
  const helpers = conf.credentialHelpers.length === 0 ? [authFileHelper] : conf.credentialHelpers
  const registries = [...tables.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
  return { ...conf, registries, credentialHelpers: helpers }
}

async function places(
  options: RegistriesConfOptions,
  reader: ConfReader,
): Promise<{ main: string; mustExist: boolean; directories: string[] }> {
  const { env } = options
  const named = options.path ?? variable(env, 'CONTAINERS_REGISTRIES_CONF')
  const directory = options.directory ?? variable(env, 'CONTAINERS_REGISTRIES_CONF_DIR')
  const user = userConfigDir(env)
  const userMain = user && join(user, 'registries.conf')
  const userDropIns = user === undefined ? [] : [join(user, 'registries.conf.d')]
  if (named === undefined && userMain !== undefined && (await reader.exists(userMain))) {
    return {
      main: userMain,
      mustExist: false,
      directories: directory === undefined ? userDropIns : [directory],
    }
  }
  return {
    main: named ?? '/etc/containers/registries.conf',
    mustExist: named !== undefined,
    directories:
      directory === undefined ? ['/etc/containers/registries.conf.d', ...userDropIns] : [directory],
  }
}

/** What podman wrote down when somebody chose. */
async function recordedAliases(
  reader: ConfReader,
  env: ConfContext['env'],
  root: boolean,
): Promise<ReadonlyMap<string, string>> {
  const home = variable(env, 'HOME')
  const cache = root ? '/var/cache' : (variable(env, 'XDG_CACHE_HOME') ?? (home && join(home, '.cache')))
  if (cache === undefined) return new Map()
  const path = join(cache, 'containers/short-name-aliases.conf')
  const text = await readConfText(reader, path)
  if (text === undefined) return new Map()
  return checkAliases(new TomlMembers(parseToml(text, path), path).textMap('aliases') ?? new Map(), path)
}
