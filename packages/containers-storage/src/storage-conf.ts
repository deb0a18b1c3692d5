import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import { parse } from 'smol-toml'

/** Where images are, on this machine and for this user. */
export interface StorageConf {
  readonly driver?: string
  readonly graphRoot: string
  /** Read-only stores, searched after the main one. */
  readonly additionalStores: readonly string[]
}

interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
}

/**
 * The storage that podman would use: `CONTAINERS_STORAGE_CONF`, else the file of the user or of the system;
 * `STORAGE_DRIVER` wins over its driver.
 *
 * @throws BootcError `TRANSPORT_CONFIG_INVALID`
 * @see containers-storage.conf(5)
 */
export function loadStorageConf(
  { env, uid }: Environment = { env: process.env, uid: process.getuid?.() ?? 0 },
): StorageConf {
  const home = env['HOME'] ?? homedir()
  const data = env['XDG_DATA_HOME'] ?? join(home, '.local/share')
  const userRoot = join(data, 'containers/storage')
  const { path, text } = firstFile(candidates(env, uid, home))
  const storage = text === undefined ? {} : tableOf(parseToml(path!, text), 'storage')
  const options = tableOf(storage, 'options')
  const driver = env['STORAGE_DRIVER'] || stringOf(storage, 'driver')
  const userSetting = uid === 0 ? undefined : stringOf(storage, 'rootless_storage_path')
  const configured = uid === 0 || path?.startsWith(home) === true ? stringOf(storage, 'graphroot') : undefined
  const expand = (value: string) =>
    value.replace(/\$(HOME|UID|USER)\b/g, (_, name: string) =>
      name === 'UID' ? String(uid) : (env[name] ?? ''),
    )
  return {
    ...(driver === undefined || driver === '' ? {} : { driver }),
    graphRoot: expand(userSetting || configured || (uid === 0 ? '/var/lib/containers/storage' : userRoot)),
    additionalStores: stringsOf(options, 'additionalimagestores').map(expand),
  }
}

function candidates(env: Environment['env'], uid: number, home: string): readonly string[] {
  const override = env['CONTAINERS_STORAGE_CONF']
  if (override !== undefined && override !== '') return [override]
  const system = ['/etc/containers/storage.conf', '/usr/share/containers/storage.conf']
  if (uid === 0) return system
  return [join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/storage.conf'), ...system]
}

function firstFile(paths: readonly string[]): { path?: string; text?: string } {
  for (const path of paths) {
    try {
      return { path, text: readFileSync(path, 'utf8') }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue
      throw invalid(path, 'cannot be read', cause)
    }
  }
  return {}
}

type Table = Readonly<Record<string, unknown>>

function parseToml(path: string, text: string): Table {
  try {
    return parse(text)
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message.split('\n')[0]! : 'is no TOML', cause)
  }
}

function tableOf(table: Table, key: string): Table {
  const value = table[key]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {}
}

function stringOf(table: Table, key: string): string | undefined {
  const value = table[key]
  return typeof value === 'string' ? value : undefined
}

function stringsOf(table: Table, key: string): string[] {
  const value = table[key]
  return Array.isArray(value)
    ? value.filter((item): item is string => typeof item === 'string' && item !== '')
    : []
}

function invalid(path: string, problem: string, cause: unknown): BootcError {
  return new BootcError('TRANSPORT_CONFIG_INVALID', `${path}: ${problem}`, { details: { path }, cause })
}
