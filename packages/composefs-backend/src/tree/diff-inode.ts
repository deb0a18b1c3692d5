import { escapePath, escapeXattr } from '../format/dump/escape.js'
import { objectPath } from '../format/types.js'
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type ByteString,
  type Inode,
} from './inode.js'

const types: ReadonlyMap<number, string> = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'char device'],
  [S_IFBLK, 'block device'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
])

/** Characters of an attribute or of content that a line shows. */
const maxShown = 80

type Field = readonly [name: string, of: (inode: Inode) => string | undefined]

/** What is compared and shown, in this order; undefined: this kind of inode has no such field. */
const fields: readonly Field[] = [
  ['type', typeOf],
  ['mode', ({ mode }) => (mode & 0o7777).toString(8).padStart(4, '0')],
  ['uid', ({ uid }) => String(uid)],
  ['gid', ({ gid }) => String(gid)],
  ['mtime', ({ mtimeSec, mtimeNsec }) => `${mtimeSec}.${String(mtimeNsec).padStart(9, '0')}`],
  ['size', (inode) => (is(inode, S_IFREG) ? String(inode.size) : undefined)],
  ['target', (inode) => (is(inode, S_IFLNK) ? escapePath(inode.target) : undefined)],
  ['device', (inode) => (is(inode, S_IFCHR) || is(inode, S_IFBLK) ? device(inode.rdev) : undefined)],
  ['digest', (inode) => (is(inode, S_IFREG) && inode.digest !== '' ? inode.digest : undefined)],
  ['object', (inode) => (is(inode, S_IFREG) && inode.payload !== '' ? escapePath(inode.payload) : undefined)],
  [
    'content',
    (inode) => (is(inode, S_IFREG) && inode.content !== undefined ? contentOf(inode.content) : undefined),
  ],
]

/** Fields that say nothing new beside another one. */
const implied = new Set(['object', 'content'])

/** An inode in words. */
export function describeInode(inode: Inode): string {
  const words = [typeOf(inode)]
  for (const [name, of] of fields) {
    const value = of(inode)
    if (value !== undefined && name !== 'type' && !implied.has(name)) words.push(`${name} ${value}`)
  }
  if (inode.xattrs !== undefined && inode.xattrs.size > 0) {
    words.push(`xattrs ${[...inode.xattrs.keys()].sort().map(escapeXattr).join(' ')}`)
  }
  return words.join(', ')
}

/** `FIELD OLD -> NEW` for each field that differs; another type is one difference. */
export function* differences(a: Inode, b: Inode): Generator<string, void, undefined> {
  if (typeOf(a) !== typeOf(b)) {
    yield `type ${typeOf(a)} -> ${typeOf(b)}`
    return
  }
  for (const [name, of] of fields) {
    if (name === 'content' && sameContent(a, b)) continue
    const [old, now] = [of(a), of(b)]
    if (name === 'content' && old === now) yield 'content differs beyond what a line shows'
    else if (old !== now && !(name === 'object' && impliedObject(a, b))) yield change(name, old, now)
  }
  if (!is(a, S_IFDIR) && a.nlink !== b.nlink && a.nlink !== 0 && b.nlink !== 0) {
    yield change('nlink', String(a.nlink), String(b.nlink))
  }
  const names = new Set([...(a.xattrs?.keys() ?? []), ...(b.xattrs?.keys() ?? [])])
  for (const name of [...names].sort()) {
    const [old, now] = [a.xattrs?.get(name), b.xattrs?.get(name)]
    if (old !== now) yield change(`xattr ${escapeXattr(name)}`, value(old), value(now))
  }
}

function typeOf(inode: Inode): string {
  return types.get(inode.mode & S_IFMT) ?? 'unknown'
}

function is(inode: Inode, type: number): boolean {
  return (inode.mode & S_IFMT) === type
}

/** The kernel's 32-bit encoding: 12 bits of major above 8 low bits of minor, further bits of minor on top. */
function device(rdev: number): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`
}

function contentOf(content: Uint8Array): string {
  return value(Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1'))
}

function sameContent(a: Inode, b: Inode): boolean {
  if (a.content === undefined || b.content === undefined) {
    // No content at all, and content of no bytes, are the same file.
    return (a.content?.length ?? 0) === 0 && (b.content?.length ?? 0) === 0
  }
  return Buffer.compare(a.content, b.content) === 0
}

/** The path of an object follows from its digest, and some sources give only one of them. */
function impliedObject(a: Inode, b: Inode): boolean {
  return [a, b].every(
    ({ digest, payload }) => digest !== '' && (payload === '' || payload === objectPath(digest)),
  )
}

function change(name: string, old: string | undefined, now: string | undefined): string {
  return `${name} ${old ?? 'none'} -> ${now ?? 'none'}`
}

/** A value in quotes, cut off when it is long. */
function value(bytes: ByteString): string
function value(bytes: ByteString | undefined): string | undefined
function value(bytes: ByteString | undefined): string | undefined {
  if (bytes === undefined) return undefined
  if (bytes.length <= maxShown) return `"${escapeXattr(bytes)}"`
  return `"${escapeXattr(bytes.slice(0, maxShown))}"… (${bytes.length} bytes)`
}
