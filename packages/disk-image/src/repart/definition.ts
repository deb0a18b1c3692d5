import type { Warning } from '@bootc-sdk/core'
import { invalidDisk, unsupportedDisk } from '../errors.js'
import { findArchitecture, partitionTypes } from '../plan/partition-types.js'
import type { PartitionRole, TableWish } from '../plan/plan-disk.js'
import { booleanOf, parseFragment, sizeOf, type RepartFile } from './parse-fragment.js'

/** A partition that repart.d asks for. */
export interface Definition {
  /** Of the file, for messages. */
  readonly name: string
  readonly role: PartitionRole
  /** Of role `data`. */
  readonly mountPoint?: string
  readonly format?: string
  readonly minBytes?: number
  readonly maxBytes?: number
  /** Share of what is left; 1000 where the file says nothing. */
  readonly weight: number
  readonly table: TableWish
}

/** What ours are made by, or what only says how systemd-repart is to do its work; by value that changes nothing. */
const ignored: Readonly<Record<string, string | undefined>> = {
  ...{ Priority: '0', PaddingWeight: '0', PaddingMinBytes: '0', FactoryReset: 'no', SplitName: undefined },
  ...{ CopyFiles: undefined, ExcludeFiles: undefined, ExcludeFilesTarget: undefined, Minimize: 'off' },
  ...{ MakeDirectories: undefined, MakeSymlinks: undefined, Compression: undefined },
  ...{ CompressionLevel: undefined, PaddingMaxBytes: undefined, SupplementFor: undefined },
}
/** What would make another disk than is asked for. */
const refused = new Set([
  ...['CopyBlocks', 'Verity', 'VerityMatchKey', 'VerityDataBlockSizeBytes', 'VerityHashBlockSizeBytes'],
  ...['Encrypt', 'EncryptedVolume', 'Subvolumes', 'DefaultSubvolume', 'Flags'],
])

/**
 * What a file of repart.d asks for.
 *
 * @param warn gets keys that are left out
 * @throws BootcError `SYSROOT_DISK_INVALID`, `SYSROOT_DISK_UNSUPPORTED`
 */
export function parseDefinition(
  file: RepartFile,
  architecture: string,
  warn: (warning: Warning) => void,
): Definition {
  const keys = new Map(parseFragment(file))
  const { name } = file
  const take = (key: string): string | undefined => {
    const value = keys.get(key)
    keys.delete(key)
    // An empty value is the default.
    return value === '' ? undefined : value
  }
  const size = (key: string) => {
    const text = take(key)
    return text === undefined ? undefined : sizeOf(text, `${name}: ${key}`)
  }
  const flag = (key: string) => {
    const text = take(key)
    return text === undefined ? undefined : booleanOf(text, `${name}: ${key}`)
  }
  const type = take('Type')
  if (type === undefined) throw invalidDisk(name, 'has no Type=')
  const place = placeOf(name, type, architecture, take('MountPoint'))
  const [minBytes, maxBytes] = [size('SizeMinBytes'), size('SizeMaxBytes')]
  if (minBytes !== undefined && maxBytes !== undefined && minBytes > maxBytes) {
    throw invalidDisk(name, 'SizeMinBytes= is larger than SizeMaxBytes=')
  }
  const [format, weight] = [take('Format'), weightOf(name, take('Weight'))]
  const table: TableWish = {
    ...defined('name', labelOf(name, take('Label'))),
    ...defined('uuid', uuidOf(name, take('UUID'))),
    ...defined('growFileSystem', flag('GrowFileSystem')),
    ...defined('noAuto', flag('NoAuto')),
    ...defined('readOnly', flag('ReadOnly')),
  }
  checkRest(name, keys, warn)
  return {
    ...{ name, weight, table },
    ...place,
    ...defined('format', format),
    ...defined('minBytes', minBytes),
    ...defined('maxBytes', maxBytes),
  }
}

function checkRest(name: string, keys: ReadonlyMap<string, string>, warn: (warning: Warning) => void): void {
  for (const [key, value] of keys) {
    if (value === '') continue
    const isOff = /^(?:0|no|n|false|f|off)$/i.test(value)
    if (refused.has(key)) {
      if (isOff && (key === 'Encrypt' || key === 'Verity')) continue
      throw unsupportedDisk(`${name}: ${key}=${value}`, 'such partitions cannot be made')
    }
    const plain = Object.hasOwn(ignored, key) ? ignored[key] : undefined
    if (plain !== undefined && (value === plain || (isOff && /^(?:0|no|off)$/.test(plain)))) continue
    const message = `${name}: ${key}= has no effect`
    warn({ code: 'disk:repart-ignored', message, details: { file: name, key } })
  }
}

const mounts = { esp: ['/efi', '/boot', '/boot/efi'], xbootldr: ['/boot'], root: ['/'] } as const
/** Where systemd mounts partitions of these types. */
const dataTypes: Readonly<Record<string, string>> = {
  ...{ var: '/var', home: '/var/home', srv: '/var/srv', tmp: '/var/tmp' },
}

function placeOf(
  name: string,
  type: string,
  architecture: string,
  mount: string | undefined,
): Pick<Definition, 'role' | 'mountPoint'> {
  const point = mount?.split(':')[0]
  const role = roleOf(type, architecture)
  if (role === undefined) throw unsupportedDisk(`${name}: Type=${type}`, 'such partitions cannot be made')
  if (role === 'bios-boot' || role === 'prep') return { role }
  if (role === 'esp' || role === 'xbootldr' || role === 'root') {
    if (point === undefined || (mounts[role] as readonly string[]).includes(point)) return { role }
    throw unsupportedDisk(`${name}: MountPoint=${mount}`, `a partition of this type is not mounted there`)
  }
  const mountPoint = point ?? dataTypes[role]
  if (mountPoint !== undefined) return { role: 'data', mountPoint }
  throw unsupportedDisk(name, 'a partition of this type takes a MountPoint= below /var')
}

/** A role, or the name of a data type. */
function roleOf(type: string, architecture: string): Exclude<PartitionRole, 'data'> | string | undefined {
  const known = type.toLowerCase()
  const guid = known.replaceAll('-', '')
  const same = (other: string) => other.toLowerCase().replaceAll('-', '') === guid
  const rootType = findArchitecture(architecture)?.rootType ?? ''
  if (known === 'root' || same(rootType)) return 'root'
  // As systemd spells it: `root-x86-64`, `root-arm64`.
  if (known.startsWith('root-') && findArchitecture(ociName(known.slice(5)))?.rootType === rootType) {
    return 'root'
  }
  for (const name of ['esp', 'xbootldr', 'bios-boot', 'prep'] as const) {
    const isNamed = known === name && (name === 'esp' || name === 'xbootldr')
    if (isNamed || same(partitionTypes[name])) return name
  }
  for (const name of Object.keys(dataTypes)) {
    if (known === name || same(partitionTypes[name === 'tmp' ? 'var-tmp' : (name as 'var')])) return name
  }
  return known === 'linux-generic' || same(partitionTypes.data) ? 'linux-generic' : undefined
}

function ociName(name: string): string {
  const names: Readonly<Record<string, string>> = {
    ...{ 'x86-64': 'amd64', 'ppc64-le': 'ppc64le', loongarch64: 'loong64' },
  }
  return names[name] ?? name
}

function weightOf(name: string, text: string | undefined): number {
  if (text === undefined) return 1000
  if (/^\d{1,7}$/.test(text) && Number(text) <= 1_000_000) return Number(text)
  throw invalidDisk(`${name}: Weight`, `${JSON.stringify(text)} is no number up to 1000000`)
}

/** Names in a partition table have 36 units of UTF-16. */
function labelOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const label = text.replaceAll('%%', '\0')
  if (label.includes('%')) throw unsupportedDisk(`${name}: Label=${text}`, 'specifiers are not known here')
  const plain = label.replaceAll('\0', '%')
  if (plain.length <= 36 && !/[\0-\x1f]/.test(plain)) return plain
  throw invalidDisk(`${name}: Label`, 'a name has at most 36 characters')
}

function uuidOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) && !/^[0-]+$/.test(text)) {
    return text.toLowerCase()
  }
  throw invalidDisk(`${name}: UUID`, `${JSON.stringify(text)} is no UUID of a partition`)
}

function defined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
}
