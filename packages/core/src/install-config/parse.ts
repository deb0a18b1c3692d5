import { parse } from 'smol-toml'
import type { Warning } from '../interfaces/index.js'
import { assertKeys, configError, flag, strings, subTable, text, word, words, type Table } from './fields.js'
import { blockSetups, loaderNames, rootFsTypes, type InstallConfig } from './types.js'

const installKeys = [
  'root-fs-type',
  'block',
  'filesystem',
  'kargs',
  'karg-deletes',
  'match-architectures',
  'ostree',
  'stateroot',
  'root-mount-spec',
  'boot-mount-spec',
  'bootupd',
  'bootloader',
  'discoverable-partitions',
  'enforce-container-sigpolicy',
] as const

export interface ParsedConfig {
  /** Absent: the file has no `[install]`. */
  readonly config?: InstallConfig
  readonly warnings: readonly Warning[]
}

/**
 * One file. Unknown keys are refused as by bootc, but for those in `[install.ostree]`, which are warnings there.
 *
 * @param path for messages
 * @throws BootcError `IMAGE_INSTALL_CONFIG`, naming file and key
 */
export function parseInstallConfig(source: string, path: string): ParsedConfig {
  let values: Record<string, unknown>
  try {
    values = parse(source)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause)
    throw configError(path, `TOML parse error: ${reason}`, {}, cause)
  }
  const top: Table = { path, name: '', values }
  assertKeys(top, ['install'])
  const install = subTable(top, 'install')
  if (install === undefined) return { warnings: [] }
  assertKeys(install, installKeys)
  const ostree = subTable(install, 'ostree')
  return {
    config: {
      ...given('rootFsType', word(install, 'root-fs-type', rootFsTypes)),
      ...given('block', words(install, 'block', blockSetups)),
      ...given('filesystem', filesystem(install)),
      ...given('kargs', strings(install, 'kargs')),
      ...given('kargDeletes', strings(install, 'karg-deletes')),
      ...given('matchArchitectures', strings(install, 'match-architectures')),
      ...given(
        'ostree',
        ostree && given('blsAppendExceptDefault', text(ostree, 'bls-append-except-default')),
      ),
      ...given('stateroot', text(install, 'stateroot')),
      ...given('rootMountSpec', text(install, 'root-mount-spec')),
      ...given('bootMountSpec', text(install, 'boot-mount-spec')),
      ...given('bootupd', bootupd(install)),
      ...given('bootloader', word(install, 'bootloader', loaderNames)),
      ...given('discoverablePartitions', flag(install, 'discoverable-partitions')),
      ...given('enforceContainerSigpolicy', flag(install, 'enforce-container-sigpolicy')),
    },
    warnings: ostree === undefined ? [] : unknownOstreeKeys(ostree),
  }
}

function filesystem(install: Table): InstallConfig['filesystem'] {
  const table = subTable(install, 'filesystem')
  if (table === undefined) return undefined
  assertKeys(table, ['root'])
  const root = subTable(table, 'root')
  if (root === undefined) return {}
  assertKeys(root, ['type'])
  return { root: given('type', word(root, 'type', rootFsTypes)) }
}

function bootupd(install: Table): InstallConfig['bootupd'] {
  const table = subTable(install, 'bootupd')
  if (table === undefined) return undefined
  assertKeys(table, ['skip-boot-uuid'])
  return given('skipBootUuid', flag(table, 'skip-boot-uuid'))
}

function unknownOstreeKeys({ path, values }: Table): Warning[] {
  return Object.keys(values)
    .filter((key) => key !== 'bls-append-except-default')
    .map((key) => ({
      code: 'install:unknown-key',
      message: `${JSON.stringify(path)}: Unknown key install.ostree.${key}`,
      details: { path, key: `install.ostree.${key}` },
    }))
}

/** A member that is there or not, never undefined. */
export function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V }
}
