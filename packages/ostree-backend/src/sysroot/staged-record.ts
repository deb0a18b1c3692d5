import { decodeDict, encodeDict, lookup } from '../format/variant-dict.js'
import type { VariantDict } from '../repo/api.js'
import { directoryName, parseDirectory, type DeploymentName } from './layout.js'

/** `/run/ostree/staged-deployment`, decoded. */
export interface StagedFile {
  readonly target: StagedName
  readonly mergeFrom?: StagedName
  /** Absent: those of the merge deployment. */
  readonly kargs?: readonly string[]
  /** Not to be finalized at shutdown. */
  readonly locked: boolean
  /** Keys of other tools and other versions (`bootconfig-extra`, `overlay-initrds`), kept as they are. */
  readonly others: VariantDict
}

export interface StagedName {
  readonly name: DeploymentName
  readonly bootChecksum?: string
}

/** Below /run. */
export const stagedPath = 'ostree/staged-deployment'
/** Older versions look for this file instead of the key `locked`. */
export const stagedLockedPath = 'ostree/staged-deployment-locked'

const ownKeys: ReadonlySet<string> = new Set(['target', 'merge-deployment', 'kargs', 'locked'])

/**
 * Decode the record of a staged deployment: `a{sv}`.
 *
 * @returns undefined when its target names no deployment
 * @throws BootcError `STORE_OSTREE_CORRUPT`
 * @see ostree 2026.4 src/libostree/ostree-sysroot.c, _ostree_sysroot_reload_staged
 */
export function decodeStaged(bytes: Uint8Array): StagedFile | undefined {
  const dict = decodeDict(bytes, 'staged-deployment')
  const target = stagedName(lookup(dict, 'target', 'a{sv}'))
  if (target === undefined) return undefined
  const mergeFrom = stagedName(lookup(dict, 'merge-deployment', 'a{sv}'))
  const kargs = lookup(dict, 'kargs', 'as')
  return {
    target,
    ...(mergeFrom === undefined ? {} : { mergeFrom }),
    ...(kargs === undefined ? {} : { kargs }),
    locked: lookup(dict, 'locked', 'b') ?? false,
    others: dict.filter(([key]) => !ownKeys.has(key)),
  }
}

export function encodeStaged(file: StagedFile): Buffer {
  const { target, mergeFrom, kargs, locked, others } = file
  return encodeDict([
    ['target', { type: 'a{sv}', value: stagedDict(target) }],
    ...(mergeFrom === undefined
      ? []
      : [['merge-deployment', { type: 'a{sv}', value: stagedDict(mergeFrom) }] as const]),
    ...(kargs === undefined ? [] : [['kargs', { type: 'as', value: kargs }] as const]),
    ...(locked ? [['locked', { type: 'b', value: true }] as const] : []),
    ...others,
  ])
}

type EntryKeys = readonly (readonly [key: string, value: string])[]

const entryKeys = 'bootconfig-extra'

/** `bootconfig-extra`, `a{ss}`: further keys of the boot entry. */
export function entryKeysOf({ others }: Pick<StagedFile, 'others'>): EntryKeys {
  const found = others.find(([key, { type }]) => key === entryKeys && type === 'a{ss}')?.[1]
  return found === undefined ? [] : (found.value as EntryKeys)
}

/** With other keys for the boot entry, where they are given. */
export function withEntryKeys(others: VariantDict, keys: EntryKeys | undefined): VariantDict {
  if (keys === undefined) return others
  const rest = others.filter(([key]) => key !== entryKeys)
  return keys.length === 0 ? rest : [...rest, [entryKeys, { type: 'a{ss}', value: keys }]]
}

function stagedName(dict: VariantDict | undefined): StagedName | undefined {
  if (dict === undefined) return undefined
  const directory = lookup(dict, 'name', 's')
  const stateroot = lookup(dict, 'osname', 's')
  const bootChecksum = lookup(dict, 'bootcsum', 's')
  if (directory === undefined || stateroot === undefined) return undefined
  const name = parseDirectory(stateroot, directory)
  return name && { name, ...(bootChecksum === undefined ? {} : { bootChecksum }) }
}

function stagedDict({ name, bootChecksum }: StagedName): VariantDict {
  return [
    ['name', { type: 's', value: directoryName(name) }],
    ['osname', { type: 's', value: name.stateroot }],
    ...(bootChecksum === undefined ? [] : [['bootcsum', { type: 's', value: bootChecksum }] as const]),
  ]
}
