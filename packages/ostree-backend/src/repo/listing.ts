import type { Bytes, OpOptions } from '@bootc-sdk/core'
import { BootcError, isBootcError } from '@bootc-sdk/core'
import { encodeName, normalizePath } from '@bootc-sdk/core/names'
import { contentChecksum } from '../format/checksum.js'
import { isDirectoryMode, isSymlinkMode } from '../format/mode.js'
import { lookup } from '../format/variant-dict.js'
import type { Commit, FileHeader, ObjectMeta, OstreeRepo } from './api.js'
import { requireRev } from './require-rev.js'

/** An entry of a commit. */
export interface TreeEntry {
  /** Absolute. */
  readonly path: string
  readonly meta: ObjectMeta | FileHeader
  readonly sizeBytes: number
  /** Of files. */
  readonly checksum?: string
  /** Of directories. */
  readonly tree?: string
  readonly dirmeta?: string
}

/**
 * Entries at and below a path as `ostree ls` shows them: the directory, its files, then its directories.
 *
 * @param options.recursive go into directories (`-R`)
 * @param options.directory only the entry itself (`-d`)
 */
export async function* lsTree(
  repo: OstreeRepo,
  rev: string,
  path = '/',
  options: OpOptions & { readonly recursive?: boolean; readonly directory?: boolean } = {},
): AsyncGenerator<TreeEntry> {
  const { rootTree, rootMeta } = await repo.readCommit(await requireRev(repo, rev))
  const parts = normalizePath(path.replace(/^\/+/, ''))
    .split('/')
    .filter((part) => part !== '')
  let at = { tree: rootTree, meta: rootMeta }
  for (const [index, part] of parts.entries()) {
    const { files, dirs } = await repo.readDirTree(at.tree)
    const file = files.find(({ name }) => name === part)
    if (file !== undefined && index === parts.length - 1) {
      yield await fileEntry(repo, `/${parts.join('/')}`, file.checksum)
      return
    }
    const dir = dirs.find(({ name }) => name === part)
    if (dir === undefined) {
      throw new BootcError('TREE_NOT_FOUND', `${path} is not in ${rev}`, { details: { path } })
    }
    at = dir
  }
  yield* lsDir(
    repo,
    `/${parts.join('/')}`,
    at.tree,
    at.meta,
    options.directory === true ? 0 : options.recursive === true ? Infinity : 1,
    options.signal,
  )
}

async function* lsDir(
  repo: OstreeRepo,
  path: string,
  tree: string,
  dirmeta: string,
  depth: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<TreeEntry> {
  signal?.throwIfAborted()
  yield { path, meta: await repo.readDirMeta(dirmeta), sizeBytes: 0, tree, dirmeta }
  if (depth === 0) return
  const prefix = path === '/' ? '/' : `${path}/`
  const { files, dirs } = await repo.readDirTree(tree)
  for (const { name, checksum } of files) yield await fileEntry(repo, prefix + name, checksum)
  for (const dir of dirs) yield* lsDir(repo, prefix + dir.name, dir.tree, dir.meta, depth - 1, signal)
}

async function fileEntry(repo: OstreeRepo, path: string, checksum: string): Promise<TreeEntry> {
  const { sizeBytes, ...meta } = await repo.fileHeader(checksum)
  return { path, meta, sizeBytes, checksum }
}

/** A line of `ostree ls`, without its end; checksums with `-C`, attributes with `-X`. */
export function formatTreeEntry(
  entry: TreeEntry,
  options: { readonly checksums?: boolean; readonly xattrs?: boolean } = {},
): string {
  const { meta } = entry
  const letter = isDirectoryMode(meta.mode) ? 'd' : isSymlinkMode(meta.mode) ? 'l' : '-'
  const mode = (meta.mode & 0o7777).toString(8).padStart(5, '0')
  const target = 'symlinkTarget' in meta ? ` -> ${meta.symlinkTarget}` : ''
  const sums = [entry.checksum, entry.tree, entry.dirmeta].filter((sum) => sum !== undefined)
  return [
    `${letter}${mode} ${meta.uid} ${meta.gid} ${String(entry.sizeBytes).padStart(6)}`,
    ...(options.checksums === true ? sums : []),
    ...(options.xattrs === true ? [`{ ${xattrText(meta)} }`] : []),
    entry.path + target,
  ].join(' ')
}

/** GVariant text of `a(ayay)`: byte strings where they end in NUL, else lists of bytes. */
function xattrText(meta: ObjectMeta): string {
  if (meta.xattrs.length === 0) return '@a(ayay) []'
  const items = meta.xattrs.map(({ name, value }, index) => {
    const rawName = Buffer.concat([encodeName(name), Buffer.alloc(1)])
    // Types are spelled out in the first item of an array only.
    return `(${byteText(rawName, true, false)}, ${byteText(value, false, index === 0)})`
  })
  return `[${items.join(', ')}]`
}

function byteText(bytes: Uint8Array, name: boolean, typed: boolean): string {
  const text = Buffer.from(bytes)
  if (name || (text.length > 0 && text.indexOf(0) === text.length - 1)) {
    const escaped = text
      .toString('latin1', 0, text.length - 1)
      .replace(/[\\'\x00-\x1f\x7f-\xff]/g, escapeByte)
    return `b'${escaped}'`
  }
  if (text.length === 0) return typed ? '@ay []' : '[]'
  const bytesText = [...text].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`)
  return `[${typed ? 'byte ' : ''}${bytesText.join(', ')}]`
}

function escapeByte(character: string): string {
  const named: Record<string, string> = { '\\': '\\\\', "'": "\\'", '\n': '\\n', '\t': '\\t', '\r': '\\r' }
  return named[character] ?? `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`
}

/** Content of a regular file of a commit. */
export async function* catFile(repo: OstreeRepo, rev: string, path: string): Bytes {
  const tree = await repo.openCommit(await requireRev(repo, rev))
  yield* tree.read(normalizePath(path.replace(/^\/+/, '')))
}

export interface LogEntry {
  readonly commit: string
  readonly data: Commit
  readonly contentChecksum: string
}

/** A commit and its ancestors; ends where a parent is missing. */
export async function* logCommits(repo: OstreeRepo, rev: string): AsyncGenerator<LogEntry> {
  let at: string | undefined = await requireRev(repo, rev)
  for (let first = true; at !== undefined; first = false) {
    let data: Commit
    try {
      data = await repo.readCommit(at)
    } catch (error) {
      if (!first && isBootcError(error, 'STORE_OSTREE_NO_OBJECT')) return
      throw error
    }
    yield { commit: at, data, contentChecksum: contentChecksum(data.rootTree, data.rootMeta) }
    at = data.parent
  }
}

/** The end of the year 9999, in seconds. */
const maxTimestamp = 253_402_300_799

/** As `ostree log` and `ostree show` print a commit, with the blank line after it. */
export function formatLogEntry({ commit, data, contentChecksum: content }: LogEntry): string {
  // What is beyond JavaScript's dates was never a time.
  const date = new Date(Math.min(data.timestamp, maxTimestamp) * 1000).toISOString()
  const version = lookup(data.metadata, 'version', 's')
  const indent = (text: string) => text.split('\n').map((line) => `    ${line}`)
  return [
    `commit ${commit}`,
    ...(data.parent === undefined ? [] : [`Parent:  ${data.parent}`]),
    `ContentChecksum:  ${content}`,
    `Date:  ${date.slice(0, 10)} ${date.slice(11, 19)} +0000`,
    ...(version === undefined ? [] : [`Version: ${version}`]),
    ...(data.subject === '' ? ['(no subject)'] : ['', ...indent(data.subject)]),
    ...(data.body === '' ? [] : ['', ...indent(data.body)]),
    '',
    '',
  ].join('\n')
}
