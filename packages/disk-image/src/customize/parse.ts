import { isBootcError, type Warning } from '@bootc-sdk/core'
import { normalizePath } from '@bootc-sdk/core/names'
import { parse } from 'smol-toml'
import { badCustomization } from '../errors.js'
import { dataMountPoint } from '../plan/data-partitions.js'
import { parseSize } from './parse-size.js'
import { TableReader } from './table-reader.js'
import type {
  Customizations,
  DirectoryCustomization,
  FileCustomization,
  GroupCustomization,
  PathCustomization,
  UserCustomization,
} from './types.js'

const maxBytes = 1 << 20

/** As shadow-utils and systemd accept them without complaint. */
const accountName = /^[a-z_][a-z0-9_-]{0,30}\$?$/
const hostName =
  /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/
/** crypt(5): methods with a prefix, or an account that has no password. */
const passwordHash = /^(\$(1|5|6|y|gy|7|2[abxy])\$[!-9;-~]{8,500}|[!*]{1,2})$/
/** In one line of passwd, shadow or authorized_keys. */
const controls = /[\u0000-\u001f\u007f]/

export interface ParseOptions {
  /** Refuse a file with keys that mean nothing here. */
  readonly strict?: boolean
}

/**
 * A configuration as bootc-image-builder reads it (`config.toml`): users, groups, host name, files, directories,
 * kernel arguments and least sizes of file systems. What else is in there is warned of and left out.
 *
 * @throws BootcError `SYSROOT_CUSTOMIZATION_INVALID`, naming the key
 * @see bootc-image-builder README, "Build config"; osbuild blueprint reference
 */
export function parseCustomizations(text: string, options: ParseOptions = {}): Customizations {
  if (Buffer.byteLength(text) > maxBytes) throw badCustomization('file', `is larger than ${maxBytes} bytes`)
  const warnings: Warning[] = []
  const file = new TableReader(parseToml(text), '', warnings)
  const table = file.table('customizations') ?? new TableReader({}, 'customizations', warnings)
  const users = table.tables('user').map(readUser)
  const groups = table.tables('group').map(readGroup)
  const hostname = table.string('hostname')
  if (hostname !== undefined && !hostName.test(hostname)) {
    throw badCustomization(table.path('hostname'), `${JSON.stringify(hostname)} is no host name`)
  }
  const files = table.tables('files').map(readFile)
  const directories = table.tables('directories').map(readDirectory)
  const kernelArguments = readKernel(table)
  const filesystems = readFilesystems(table)
  const withKeys = addKeys(users, table.tables('sshkey'))
  table.end()
  file.end()
  if (options.strict === true) refuseLeftOut(warnings)
  refuseTwice(users, 'customizations.user')
  refuseTwice(groups, 'customizations.group')
  return {
    users: withKeys,
    groups,
    files,
    directories,
    warnings,
    ...(hostname === undefined ? {} : { hostname }),
    ...(kernelArguments === undefined ? {} : { kernelArguments }),
    ...filesystems,
  }
}

function parseToml(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw badCustomization(
      'file',
      `is no TOML: ${error instanceof Error ? error.message.split('\n')[0] : ''}`,
    )
  }
}

function readUser(table: TableReader): UserCustomization {
  const name = readName(table)
  const hash = table.string('password')
  if (hash !== undefined && !passwordHash.test(hash)) {
    throw badCustomization(table.path('password'), 'is no hash as "openssl passwd -6" prints it')
  }
  const groups = table.strings('groups')
  for (const group of groups) checkName(group, table.path('groups'))
  const uid = readId(table, 'uid')
  const gid = readId(table, 'gid')
  const home = table.string('home')
  if (home !== undefined) readPath(home, table.path('home'))
  const shell = table.string('shell')
  if (shell !== undefined && (!shell.startsWith('/') || shell.includes(':'))) {
    throw badCustomization(table.path('shell'), 'is no path')
  }
  const description = table.string('description')
  for (const [key, value] of Object.entries({ home, shell, description })) {
    if (value !== undefined && (controls.test(value) || value.includes(':'))) {
      throw badCustomization(table.path(key), 'has a colon or a control character')
    }
  }
  const keys = readKeys(table.string('key'), table.path('key'))
  table.end()
  return {
    name,
    keys,
    groups,
    ...(hash === undefined ? {} : { passwordHash: hash }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(home === undefined ? {} : { home }),
    ...(shell === undefined ? {} : { shell }),
    ...(description === undefined ? {} : { description }),
  }
}

function readKeys(text: string | undefined, at: string): string[] {
  const keys = (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  if (keys.some((key) => controls.test(key))) throw badCustomization(at, 'has a control character')
  return keys
}

/** Keys for users that are there already, or that the file makes. */
function addKeys(users: readonly UserCustomization[], tables: readonly TableReader[]): UserCustomization[] {
  const out = [...users]
  for (const table of tables) {
    const name = table.string('user') ?? ''
    checkName(name, table.path('user'))
    const keys = readKeys(table.string('key'), table.path('key'))
    table.end()
    const index = out.findIndex((user) => user.name === name)
    const user = out[index]
    if (user === undefined) out.push({ name, keys, groups: [] })
    else out[index] = { ...user, keys: [...user.keys, ...keys] }
  }
  return out
}

function readGroup(table: TableReader): GroupCustomization {
  const name = readName(table)
  const gid = readId(table, 'gid')
  table.end()
  return { name, ...(gid === undefined ? {} : { gid }) }
}

function readFile(table: TableReader): FileCustomization {
  const data = table.string('data') ?? ''
  const out = { ...readPlace(table), data }
  table.end()
  return out
}

function readDirectory(table: TableReader): DirectoryCustomization {
  const ensureParents = table.boolean('ensure_parents') ?? false
  const out = { ...readPlace(table), ensureParents }
  table.end()
  return out
}

function readPlace(table: TableReader): PathCustomization {
  const at = table.path('path')
  const path = readPath(table.string('path') ?? '', at)
  if (!/^(etc|var)\/./.test(path)) throw badCustomization(at, 'is not below /etc or /var, where files stay')
  const mode = readMode(table)
  const owner = (key: 'user' | 'group') => {
    const value = table.stringOrNumber(key)
    if (typeof value === 'string') checkName(value, table.path(key))
    if (typeof value === 'number' && value > 0xfffffffe) throw badCustomization(table.path(key), 'is no id')
    return value
  }
  const user = owner('user')
  const group = owner('group')
  return {
    path,
    ...(mode === undefined ? {} : { mode }),
    ...(user === undefined ? {} : { user }),
    ...(group === undefined ? {} : { group }),
  }
}

function readPath(path: string, at: string): string {
  if (!path.startsWith('/')) throw badCustomization(at, 'is no absolute path')
  if (controls.test(path)) throw badCustomization(at, 'has a control character')
  try {
    return normalizePath(path.replace(/^\/+/, ''))
  } catch (error) {
    if (isBootcError(error, 'TREE_INVALID_PATH')) throw badCustomization(at, error.message)
    throw error
  }
}

/** Octal in a string; a number is taken as it is (TOML has 0o644). */
function readMode(table: TableReader): number | undefined {
  const value = table.stringOrNumber('mode')
  if (value === undefined) return undefined
  const mode = typeof value === 'number' ? value : /^[0-7]{1,5}$/.test(value) ? parseInt(value, 8) : -1
  if (mode < 0 || mode > 0o7777) throw badCustomization(table.path('mode'), 'is no mode as "0644"')
  return mode
}

function readKernel(table: TableReader): string | undefined {
  const kernel = table.table('kernel')
  const append = kernel?.string('append')
  kernel?.end()
  if (append === undefined || append.trim() === '') return undefined
  if (controls.test(append)) throw badCustomization('customizations.kernel.append', 'has a control character')
  return append.trim()
}

/** `/`, `/boot`, and what can have a partition of its own. */
function readFilesystems(
  table: TableReader,
): Pick<Customizations, 'rootMinBytes' | 'bootMinBytes' | 'filesystems'> {
  const sizes = new Map<string, { mountPoint: string; minBytes: number }>()
  for (const entry of table.tables('filesystem')) {
    const mountPoint = entry.string('mountpoint') ?? ''
    const minsize = entry.stringOrNumber('minsize')
    entry.end()
    const place = placeOf(mountPoint)
    if (place === undefined) {
      entry.leftOut('mountpoint', `is ${JSON.stringify(mountPoint)}, not a partition of the disk,`)
      continue
    }
    if (minsize === undefined) throw badCustomization(entry.path('minsize'), 'is missing')
    if (sizes.has(place)) throw badCustomization(entry.path('mountpoint'), `${place} is there twice`)
    sizes.set(place, { mountPoint, minBytes: parseSize(minsize, entry.path('minsize')) })
  }
  const { '/': root, '/boot': boot, ...others } = Object.fromEntries(sizes)
  return {
    ...(root === undefined ? {} : { rootMinBytes: root.minBytes }),
    ...(boot === undefined ? {} : { bootMinBytes: boot.minBytes }),
    ...(Object.keys(others).length === 0 ? {} : { filesystems: Object.values(others) }),
  }
}

/** One name for each place; undefined where there can be no partition. */
function placeOf(mountPoint: string): string | undefined {
  if (mountPoint === '/' || mountPoint === '/boot') return mountPoint
  try {
    return dataMountPoint(mountPoint)
  } catch (error) {
    if (isBootcError(error, 'SYSROOT_DISK_INVALID')) return undefined
    throw error
  }
}

function readName(table: TableReader): string {
  const name = table.string('name') ?? ''
  checkName(name, table.path('name'))
  return name
}

function checkName(name: string, at: string): void {
  if (!accountName.test(name)) throw badCustomization(at, `${JSON.stringify(name)} is no name of an account`)
}

function readId(table: TableReader, key: string): number | undefined {
  const id = table.number(key)
  // The last two mean "none" to chown and to 16-bit programs.
  if (id !== undefined && id > 0xfffffffd) throw badCustomization(table.path(key), 'is too large')
  return id
}

/** All of them at once, so that one look at the file is enough. */
function refuseLeftOut(warnings: readonly Warning[]): void {
  const keys = warnings.map(({ details }) => String(details?.['key']))
  if (keys.length > 0) throw badCustomization(keys.join(', '), 'is not supported')
}

function refuseTwice(items: readonly { readonly name: string }[], at: string): void {
  const seen = new Set<string>()
  items.forEach(({ name }, index) => {
    if (seen.has(name)) throw badCustomization(`${at}[${index}].name`, `${name} is there twice`)
    seen.add(name)
  })
}
