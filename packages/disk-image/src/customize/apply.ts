import type { Dir, Meta, ReadTree, Xattr } from '@bootc-sdk/core'
import { joinPath, normalizePath, parentPath } from '@bootc-sdk/core/names'
import { badCustomization } from '../errors.js'
import {
  type Account,
  type AccountFiles,
  editAccounts,
  type EditedAccounts,
  type ShippedAccounts,
} from './accounts.js'
import type { Customizations, PathCustomization } from './types.js'

export interface CustomizeTarget {
  /** /etc of the deployment. */
  readonly etc: Dir
  /** The /var that it boots with. */
  readonly var: Dir
  /** The image, for accounts in `usr/lib/passwd` and `usr/lib/group`. */
  readonly image?: Pick<ReadTree, 'stat' | 'read'>
  /** Attributes of what is made, as SELinux labels; paths as `etc/hostname`. Default: none. */
  readonly xattrsOf?: (path: string, type: 'file' | 'directory') => readonly Xattr[]
  /** Seconds; the day of the last change of passwords. */
  readonly epoch: number
}

/**
 * Write users, groups, keys, host name, files and directories into a deployment that has not run yet. Kernel arguments and
 * sizes are for whoever installs and plans. Accounts are checked before the first write.
 *
 * @throws BootcError `SYSROOT_CUSTOMIZATION_INVALID`, and `TREE_…` where links lead out of /etc or /var
 */
export async function applyCustomizations(wishes: Customizations, target: CustomizeTarget): Promise<void> {
  const old = await readAccounts(target.etc)
  const day = Math.floor(target.epoch / 86_400)
  const edited = editAccounts(old, await readShipped(target.image), wishes, day)
  const homes = edited.accounts.map((account, index) => homeOf(account, wishes.users[index]!.keys))
  const owners = [...wishes.directories, ...wishes.files].map((wish) => ownerOf(wish, edited))

  await writeAccounts(target, old, edited.files)
  if (wishes.hostname !== undefined)
    await put(target, 'etc/hostname', `${wishes.hostname}\n`, { mode: 0o644 })
  for (const [index, account] of edited.accounts.entries()) {
    await writeHome(target, homes[index]!, account, wishes.users[index]!.keys)
  }
  for (const [index, { path, mode, ensureParents }] of wishes.directories.entries()) {
    if (ensureParents) await makeParents(target, path)
    const meta = { ...owners[index], mode: mode ?? 0o755 }
    if (!(await makeDirectory(target, path, meta))) await setMeta(target, path, meta)
  }
  for (const [index, { path, mode, data }] of wishes.files.entries()) {
    await put(target, path, data, { ...owners[wishes.directories.length + index], mode: mode ?? 0o644 })
  }
}

const accountModes = { passwd: 0o644, shadow: 0o640, group: 0o644, gshadow: 0o640 } as const

async function readAccounts(etc: Dir): Promise<AccountFiles> {
  const gshadow = await readText(etc, 'gshadow')
  return {
    passwd: (await readText(etc, 'passwd')) ?? '',
    shadow: (await readText(etc, 'shadow')) ?? '',
    group: (await readText(etc, 'group')) ?? '',
    ...(gshadow === undefined ? {} : { gshadow }),
  }
}

async function readShipped(image: CustomizeTarget['image']): Promise<ShippedAccounts> {
  if (image === undefined) return {}
  const passwd = await readText(image, 'usr/lib/passwd')
  const group = await readText(image, 'usr/lib/group')
  return { ...(passwd === undefined ? {} : { passwd }), ...(group === undefined ? {} : { group }) }
}

async function writeAccounts(target: CustomizeTarget, old: AccountFiles, files: AccountFiles): Promise<void> {
  for (const name of ['passwd', 'group', 'shadow', 'gshadow'] as const) {
    const text = files[name]
    if (text === undefined || text === old[name]) continue
    const stat = await target.etc.stat(name)
    const like =
      stat === undefined
        ? { mode: accountModes[name] }
        : { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs: await target.etc.xattrs(name) }
    await put(target, `etc/${name}`, text, like)
  }
}

/** Where a home is in /var: /home and /root are links there. */
function homeOf({ name, home }: Account, keys: readonly string[]): string | undefined {
  const path = normalizePath(home.replace(/^\/+/, ''))
  if (path === 'root' || path === 'var/roothome') return 'var/roothome'
  if (/^home\/./.test(path)) return `var/${path}`
  if (/^var\/./.test(path)) return path
  // System accounts have none, or one of the image; only keys need one.
  if (keys.length === 0) return undefined
  throw badCustomization(
    `customizations.user ${name}`,
    `home ${home} is not below /var, so keys cannot be kept`,
  )
}

async function writeHome(
  target: CustomizeTarget,
  home: string | undefined,
  account: Account,
  keys: readonly string[],
): Promise<void> {
  if (home === undefined) return
  const { uid, gid } = account
  await makeParents(target, home)
  await makeDirectory(target, home, { uid, gid, mode: 0o700 })
  if (keys.length === 0) return
  await makeDirectory(target, `${home}/.ssh`, { uid, gid, mode: 0o700 })
  const path = `${home}/.ssh/authorized_keys`
  const [dir, inside] = placeOf(target, path)
  const there = ((await readText(dir, inside)) ?? '').split('\n').filter((line) => line !== '')
  const lines = [...there, ...keys.filter((key) => !there.includes(key))]
  await put(target, path, lines.map((line) => `${line}\n`).join(''), { uid, gid, mode: 0o600 })
}

function ownerOf(wish: PathCustomization, { userId, groupId }: EditedAccounts): { uid: number; gid: number } {
  const resolve = (what: 'user' | 'group', find: (name: string) => number | undefined): number => {
    const value = wish[what] ?? 0
    const id = typeof value === 'number' ? value : value === 'root' ? 0 : find(value)
    if (id === undefined) throw badCustomization(`/${wish.path}`, `there is no ${what} ${value}`)
    return id
  }
  return { uid: resolve('user', userId), gid: resolve('group', groupId) }
}

async function makeParents(target: CustomizeTarget, path: string): Promise<void> {
  const parent = parentPath(path)
  if (!parent.includes('/')) return
  await makeParents(target, parent)
  await makeDirectory(target, parent, { uid: 0, gid: 0, mode: 0o755 })
}

/** @returns false when it was there */
async function makeDirectory(target: CustomizeTarget, path: string, meta: Meta): Promise<boolean> {
  const [dir, inside] = placeOf(target, path)
  const stat = await dir.stat(inside)
  if (stat?.type === 'directory') return false
  if (stat !== undefined) throw badCustomization(`/${path}`, `is there as a ${stat.type}`)
  await dir.mkdir(inside, { ...meta, ...labels(target, path, 'directory') })
  return true
}

async function setMeta(target: CustomizeTarget, path: string, meta: Meta): Promise<void> {
  const [dir, inside] = placeOf(target, path)
  await dir.setMeta(inside, meta)
}

async function put(target: CustomizeTarget, path: string, text: string, meta: Meta): Promise<void> {
  const [dir, inside] = placeOf(target, path)
  const parent = parentPath(inside)
  if ((await dir.stat(parent))?.type !== 'directory') {
    throw badCustomization(`/${path}`, 'its directory is not there')
  }
  await dir.write(inside, Buffer.from(text), { uid: 0, gid: 0, ...labels(target, path, 'file'), ...meta })
}

function labels(target: CustomizeTarget, path: string, type: 'file' | 'directory'): Meta {
  return target.xattrsOf === undefined ? {} : { xattrs: target.xattrsOf(path, type) }
}

function placeOf(target: CustomizeTarget, path: string): [Dir, string] {
  const [top, ...rest] = path.split('/')
  return [top === 'etc' ? target.etc : target.var, joinPath(...rest)]
}

async function readText(tree: Pick<ReadTree, 'stat' | 'read'>, path: string): Promise<string | undefined> {
  if ((await tree.stat(path))?.type !== 'file') return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
