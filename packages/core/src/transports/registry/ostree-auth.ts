import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BootcError } from '../../errors.js'
import { runCredentialHelper, type CredentialHelper } from './credential-helper.js'
import type { CredentialSource, Credentials } from './credentials.js'

export interface OstreeAuthOptions {
  /** Content of a file, undefined when there is none. Default: the host's files. */
  readonly readText?: (path: string) => Promise<string | undefined>
  /** Root reads /run, /etc and /usr/lib, others their own directories. Default: effective uid 0. */
  readonly root?: boolean
  /** `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`, `HOME`. Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Asks the programs that `credHelpers` of a file names. */
  readonly runHelper?: CredentialHelper
}

/**
 * Credentials as bootc finds them for OS images: exactly one file, the first that exists of
 * `/run/ostree/auth.json`, `/etc/ostree/auth.json`, `/usr/lib/ostree/auth.json` (without root
 * `$XDG_RUNTIME_DIR/ostree/`, `~/.config/ostree/`). No file means anonymous; podman's and Docker's files are
 * not read. `credHelpers` of the file is honoured.
 *
 * @throws (when called) BootcError `TRANSPORT_CONFIG_INVALID`
 * @see bootc 1.16.9 globals.rs; the format is containers-auth.json(5)
 */
export function ostreeCredentials(options: OstreeAuthOptions = {}): CredentialSource {
  const readText = options.readText ?? readHostText
  return async ({ registry, repository }) => {
    for (const path of authFiles(options)) {
      const text = await readText(path)
      if (text !== undefined) return lookup(path, text, registry, repository, options.runHelper)
    }
    return undefined
  }
}

/**
 * Credentials from one auth file that the caller names (`--authfile`).
 *
 * @throws (when called) BootcError `TRANSPORT_CONFIG_INVALID`, also when the file is missing
 */
export function authFileCredentials(
  path: string,
  readText: (path: string) => Promise<string | undefined> = readHostText,
  runHelper?: CredentialHelper,
): CredentialSource {
  return async ({ registry, repository }) => {
    const text = await readText(path)
    if (text === undefined) {
      throw new BootcError('TRANSPORT_CONFIG_INVALID', `${path} not found`, { details: { path } })
    }
    return lookup(path, text, registry, repository, runHelper)
  }
}

function authFiles({ root = process.geteuid?.() === 0, env = process.env }: OstreeAuthOptions): string[] {
  if (root) return ['/run', '/etc', '/usr/lib'].map((dir) => `${dir}/ostree/auth.json`)
  const config = env.XDG_CONFIG_HOME ?? (env.HOME === undefined ? undefined : join(env.HOME, '.config'))
  const dirs = [env.XDG_RUNTIME_DIR, config].filter((dir) => dir !== undefined && dir !== '')
  return dirs.map((dir) => join(dir!, 'ostree/auth.json'))
}

type Auths = Readonly<Record<string, { readonly auth?: unknown; readonly identitytoken?: unknown }>>

interface AuthFile {
  readonly auths: Auths
  /** Registry → name of a program. */
  readonly credHelpers: Readonly<Record<string, unknown>>
}

function parse(path: string, text: string): AuthFile {
  try {
    const value: unknown = JSON.parse(text)
    const auths = isRecord(value) ? (value.auths ?? {}) : undefined
    const credHelpers = isRecord(value) ? (value.credHelpers ?? {}) : undefined
    if (isRecord(auths) && Object.values(auths).every(isRecord) && isRecord(credHelpers)) {
      return { auths, credHelpers }
    }
  } catch {
    // The parser's message would quote the file, secrets and all.
  }
  throw new BootcError('TRANSPORT_CONFIG_INVALID', `${path} is not a valid auth file`, { details: { path } })
}

/** A helper for the registry; else keys from specific to general, then any that names the host in an older spelling. */
async function lookup(
  path: string,
  text: string,
  registry: string,
  repository: string,
  runHelper: CredentialHelper = runCredentialHelper,
): Promise<Credentials | undefined> {
  const { auths, credHelpers } = parse(path, text)
  const helper = Object.hasOwn(credHelpers, registry) ? credHelpers[registry] : undefined
  if (typeof helper === 'string' && helper !== '') return runHelper(helper, registry)
  const name = `${registry}/${repository}`
  for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1)) {
    const key = name.slice(0, end)
    if (Object.hasOwn(auths, key)) return decode(path, auths[key]!)
  }
  const host = canonicalHost(registry)
  const legacy = Object.keys(auths).find((key) => canonicalHost(key) === host)
  return legacy === undefined ? undefined : decode(path, auths[legacy]!)
}

function canonicalHost(key: string): string {
  const bare = key.replace(/^https?:\/\//, '')
  const host = bare === key ? key : bare.replace(/\/.*$/, '')
  return host === 'docker.io' || host === 'registry-1.docker.io' ? 'index.docker.io' : host
}

function decode(path: string, entry: Auths[string]): Credentials | undefined {
  if (typeof entry.identitytoken === 'string' && entry.identitytoken !== '') {
    return { identityToken: entry.identitytoken }
  }
  if (typeof entry.auth !== 'string' || entry.auth === '') return undefined
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(entry.auth)) {
    throw new BootcError('TRANSPORT_CONFIG_INVALID', `${path} holds an entry that is not base64`, {
      details: { path },
    })
  }
  const text = Buffer.from(entry.auth, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

async function readHostText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new BootcError('TRANSPORT_CONFIG_INVALID', `${path} cannot be read`, {
      details: { path, errno: code },
      cause,
    })
  }
}

function isRecord(value: unknown): value is Record<string, never> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
