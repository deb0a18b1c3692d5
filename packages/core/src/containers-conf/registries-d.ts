import { join } from 'node:path'
import { confInvalid, problemOf } from './conf-error.js'
import { hostConfReader, listConf, readConfText, userConfigDir } from './conf-reader.js'
import type { ConfContext } from './conf-reader.js'
import { scopesOfName } from './name-scopes.js'

/** What a file says about one scope. */
export interface SignatureStorage {
  /** Base URL below which detached signatures lie: `https:`, `http:` or `file:`. */
  readonly lookaside?: string
  /** Signatures lie in the registry, beside the image. */
  readonly useSigstoreAttachments?: boolean
}

/** registries.d with all its files. */
export interface RegistriesD {
  readonly byDefault: SignatureStorage | undefined
  /** `host[:port][/path][:tag]` or `*.domain` */
  readonly scopes: ReadonlyMap<string, SignatureStorage>
}

export interface RegistriesDOptions extends ConfContext {
  /** Default: `~/.config/containers/registries.d` if it exists, else `/etc/containers/registries.d`. */
  readonly directory?: string
}

/**
 * Where signatures are kept, from `*.yaml` in one directory. No directory is no configuration.
 *
 * @throws BootcError `TRANSPORT_CONFIG_INVALID`, also when two files are about the same scope
 * @see containers-registries.d(5)
 */
export async function loadRegistriesD(options: RegistriesDOptions = {}): Promise<RegistriesD> {
  const { reader = hostConfReader() } = options
  const user = userConfigDir(options.env)
  const userDir = user && join(user, 'registries.d')
  const hasOwn = userDir !== undefined && (await reader.exists(userDir))
  const directory = options.directory ?? (hasOwn ? userDir : '/etc/containers/registries.d')
  const files: RegistriesD[] = []
  for (const name of await listConf(reader, directory, '.yaml')) {
    const path = join(directory, name)
    const text = await readConfText(reader, path)
    if (text !== undefined) files.push(await parseRegistriesD(text, path))
  }
  return merge(files, directory)
}

function merge(files: readonly RegistriesD[], directory: string): RegistriesD {
  const scopes = new Map<string, SignatureStorage>()
  let byDefault: SignatureStorage | undefined
  for (const file of files) {
    if (file.byDefault !== undefined) {
      if (byDefault !== undefined) throw confInvalid(directory, 'two files have default-docker')
      byDefault = file.byDefault
    }
    for (const [scope, storage] of file.scopes) {
      if (scopes.has(scope)) throw confInvalid(directory, `two files are about ${JSON.stringify(scope)}`)
      scopes.set(scope, storage)
    }
  }
  return { byDefault, scopes }
}

/** One file. @throws BootcError `TRANSPORT_CONFIG_INVALID` */
export async function parseRegistriesD(text: string, path: string): Promise<RegistriesD> {
  // Loaded only where there are such files.
  const { parse } = await import('yaml')
  let document: unknown
  try {
    document = parse(text, { version: '1.2', schema: 'core', maxAliasCount: 100, logLevel: 'error' })
  } catch (cause) {
    throw confInvalid(path, `not valid YAML: ${problemOf(cause)}`, cause)
  }
  const root = mapping(document, path, 'the document')
  const byDefault = root['default-docker']
  const scopes = mapping(root['docker'], path, 'docker')
  return {
    byDefault:
      byDefault === undefined || byDefault === null ? undefined : storage(byDefault, path, 'default-docker'),
    scopes: new Map(
      Object.entries(scopes).map(([scope, value]) => [scope, storage(value, path, `docker.${scope}`)]),
    ),
  }
}

function mapping(value: unknown, path: string, what: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw confInvalid(path, `${what} is not a mapping`)
}

function storage(value: unknown, path: string, what: string): SignatureStorage {
  const members = mapping(value, path, what)
  const text = (key: string): string => {
    const found = members[key] ?? ''
    if (typeof found === 'string') return found
    throw confInvalid(path, `${what}.${key} is not a string`)
  }
  text('lookaside-staging')
  text('sigstore-staging')
  // The second name is the old one.
  const lookaside = text('lookaside') || text('sigstore')
  const attachments = flag(members['use-sigstore-attachments'])
  if (attachments === null)
    throw confInvalid(path, `${what}.use-sigstore-attachments is neither true nor false`)
  return {
    ...(lookaside === '' ? {} : { lookaside }),
    ...(attachments === undefined ? {} : { useSigstoreAttachments: attachments }),
  }
}

/** Go's YAML takes the words of YAML 1.1 where a boolean is expected. */
function flag(value: unknown): boolean | undefined | null {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return null
  if (/^(?:y|Y|yes|Yes|YES|on|On|ON)$/.test(value)) return true
  return /^(?:n|N|no|No|NO|off|Off|OFF)$/.test(value) ? false : null
}

/**
 * What holds for one image, each setting from the most specific scope that has it.
 *
 * @param name `host/repository:tag` or `…@digest`: where the image is really fetched from
 */
export function signatureStorage(name: string, conf: RegistriesD): SignatureStorage {
  const found = [...scopesOfName(name).map((scope) => conf.scopes.get(scope)), conf.byDefault]
  const lookaside = found.find((one) => one?.lookaside !== undefined)?.lookaside
  const attachments = found.find((one) => one?.useSigstoreAttachments !== undefined)?.useSigstoreAttachments
  return {
    ...(lookaside === undefined ? {} : { lookaside }),
    ...(attachments === undefined ? {} : { useSigstoreAttachments: attachments }),
  }
}
