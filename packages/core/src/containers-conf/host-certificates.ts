import { join } from 'node:path'
import { confInvalid } from './conf-error.js'
import { hostConfReader, listConf, readConfText, userConfigDir } from './conf-reader.js'
import type { ConfContext, ConfReader } from './conf-reader.js'

/** Certificates for one registry, PEM. */
export interface HostCertificates {
  /** Trusted in addition to the system's. */
  readonly ca: readonly string[]
  /** All of them may be offered to the registry, and to nobody else. */
  readonly clients: readonly { readonly cert: string; readonly key: string }[]
}

const systemDirs = ['/etc/containers/certs.d', '/etc/docker/certs.d']

/**
 * Certificates of a registry: the first of `~/.config/containers/certs.d/HOST[:PORT]`, `/etc/containers/certs.d/…`
 * and `/etc/docker/certs.d/…` that exists. `*.crt` are CAs; `NAME.cert` and `NAME.key` belong together.
 *
 * @param registry as references have it, with the port exactly when they do: `docker.io`, `reg.example:5000`
 * @returns undefined when there is no such directory, or it may not be read
 * @throws BootcError `TRANSPORT_CONFIG_INVALID` for a client certificate without its key and the other way round
 * @see containers-certs.d(5)
 */
export async function loadHostCertificates(
  registry: string,
  options: ConfContext = {},
): Promise<HostCertificates | undefined> {
  const { reader = hostConfReader() } = options
  // It becomes a path.
  if (registry.includes('/') || registry.includes('\0') || /^\.*$/.test(registry)) return undefined
  const user = userConfigDir(options.env)
  const parents = [...(user === undefined ? [] : [join(user, 'certs.d')]), ...systemDirs]
  for (const parent of parents) {
    const directory = join(parent, registry)
    if (await isReadable(reader, directory)) return readDirectory(reader, directory)
  }
  return undefined
}

async function isReadable(reader: ConfReader, directory: string): Promise<boolean> {
  try {
    return (await reader.list(directory)) !== undefined
  } catch {
    // Directories of others are passed over.
    return false
  }
}

async function readDirectory(reader: ConfReader, directory: string): Promise<HostCertificates> {
  const names = new Set(await listConf(reader, directory, ''))
  const text = async (name: string): Promise<string> => {
    const path = join(directory, name)
    const found = await readConfText(reader, path)
    if (found === undefined) throw confInvalid(path, 'not found')
    return found
  }
  const ca: string[] = []
  const clients: { cert: string; key: string }[] = []
  for (const name of names) {
    const base = name.replace(/\.[a-z]+$/, '')
    if (name.endsWith('.crt')) ca.push(await text(name))
    if (name.endsWith('.key') && !names.has(`${base}.cert`)) {
      throw confInvalid(directory, `${name} has no certificate ${base}.cert`)
    }
    if (!name.endsWith('.cert')) continue
    if (!names.has(`${base}.key`)) {
      throw confInvalid(directory, `${name} has no key ${base}.key; certificates of CAs are called *.crt`)
    }
    clients.push({ cert: await text(name), key: await text(`${base}.key`) })
  }
  return { ca, clients }
}
