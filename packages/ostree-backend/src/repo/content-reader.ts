import { BootcError, type Bytes, type Dir, type Stat } from '@bootc-sdk/core'
import { objectName } from '../format/checksum.js'
import { decodeOstreeMeta } from '../format/dirmeta.js'
import { corrupt } from '../format/errors.js'
import { decodeFilezHeader, filezHeaderBytes, headerPrefixBytes } from '../format/file-header.js'
import { isSymlinkMode, modeFile, modeSymlink } from '../format/mode.js'
import { decodeXattrs } from '../format/xattrs.js'
import type { FileHeader, RepoMode } from './api.js'
import { noObject } from './errors.js'
import { inflateStream, inflateWhole } from './inflate.js'
import { collect, readFile } from './io.js'

export type SizedHeader = FileHeader & { readonly sizeBytes: number }

/** Most headers are far smaller; larger ones cost a second read. */
const headerGuessBytes = 512
/** Compressed objects up to this size are inflated in one call. */
const wholeBytes = 256 * 1024
/** PATH_MAX. */
const maxTargetBytes = 4096
const maxXattrsBytes = 4 * 1024 * 1024

/**
 * Owner, mode, attributes, target and size of a file object, from wherever the mode keeps them.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_CORRUPT`
 */
export async function readFileHeader(dir: Dir, mode: RepoMode, checksum: string): Promise<SizedHeader> {
  const name = objectName('file', checksum, mode)
  const path = `objects/${name}`
  const stat = await dir.stat(path)
  if (stat === undefined) throw noObject(name)
  if (stat.type !== 'file' && stat.type !== 'symlink') throw corrupt(name, `is a ${stat.type}`)
  switch (mode) {
    case 'archive':
      return (await readFilezHeader(dir, path, stat, name)).header
    case 'bare-user':
      return readUserHeader(dir, path, stat, name)
    case 'bare':
      return { ...(await realHeader(dir, path, stat)), xattrs: await dir.xattrs(path) }
    case 'bare-user-only':
      return { ...(await realHeader(dir, path, stat)), uid: 0, gid: 0, xattrs: [] }
    case 'bare-split-xattrs': {
      const raw = await readFile(dir, `${path}-xattrs-link`, maxXattrsBytes)
      if (raw === undefined) throw noObject(`${name}-xattrs-link`)
      return { ...(await realHeader(dir, path, stat)), xattrs: decodeXattrs(raw, name) }
    }
  }
}

/**
 * Content of a regular file object; empty for symbolic links. Not verified against its name (fsck does that).
 */
export async function* readFileContent(dir: Dir, mode: RepoMode, checksum: string): Bytes {
  const name = objectName('file', checksum, mode)
  const path = `objects/${name}`
  const stat = await dir.stat(path)
  if (stat === undefined) throw noObject(name)
  if (stat.type === 'symlink') return
  if (mode === 'archive') {
    const { header, headerBytes } = await readFilezHeader(dir, path, stat, name)
    if (header.symlinkTarget !== undefined) return
    const bodyBytes = stat.sizeBytes - headerBytes
    if (bodyBytes <= wholeBytes && header.sizeBytes <= 16 * wholeBytes) {
      const body = await collect(dir.read(path, { start: headerBytes }), bodyBytes, name)
      yield inflateWhole(body, header.sizeBytes, name)
    } else {
      yield* inflateStream(dir.read(path, { start: headerBytes }), header.sizeBytes, name)
    }
    return
  }
  if (mode === 'bare-user') {
    const header = await readUserHeader(dir, path, stat, name)
    if (header.symlinkTarget !== undefined) return
  }
  yield* dir.read(path)
}

async function readFilezHeader(
  dir: Dir,
  path: string,
  stat: Stat,
  name: string,
): Promise<{ header: SizedHeader; headerBytes: number }> {
  if (stat.type !== 'file') throw corrupt(name, `is a ${stat.type}`)
  const guess = await collect(
    dir.read(path, { start: 0, end: Math.min(headerGuessBytes, stat.sizeBytes) }),
    headerGuessBytes,
    name,
  )
  const headerBytes = filezHeaderBytes(guess.subarray(0, headerPrefixBytes), name)
  if (headerBytes > stat.sizeBytes) throw corrupt(name, 'ends within its header')
  const bytes =
    headerBytes <= guess.length
      ? guess.subarray(0, headerBytes)
      : await collect(dir.read(path, { start: 0, end: headerBytes }), headerBytes, name)
  if (bytes.length !== headerBytes) throw corrupt(name, 'ends within its header')
  const header = decodeFilezHeader(bytes, name)
  if (header.symlinkTarget !== undefined && stat.sizeBytes > headerBytes) {
    throw corrupt(name, 'symbolic link with content')
  }
  return { header, headerBytes }
}

async function readUserHeader(dir: Dir, path: string, stat: Stat, name: string): Promise<SizedHeader> {
  if (stat.type !== 'file') throw corrupt(name, `is a ${stat.type}`)
  const raw = (await dir.xattrs(path)).find((xattr) => xattr.name === 'user.ostreemeta')
  if (raw === undefined) throw corrupt(name, 'has no user.ostreemeta')
  const meta = decodeOstreeMeta(raw.value, name)
  if (!isSymlinkMode(meta.mode)) return { ...meta, sizeBytes: stat.sizeBytes }
  const content = await collect(dir.read(path), maxTargetBytes, name)
  const end = content.indexOf(0)
  if (end < 1 || end !== content.length - 1) throw corrupt(name, 'target without its NUL')
  return { ...meta, symlinkTarget: content.toString('utf8', 0, end), sizeBytes: 0 }
}

async function realHeader(dir: Dir, path: string, stat: Stat): Promise<SizedHeader> {
  const { uid, gid } = stat
  if (stat.type === 'symlink') {
    const symlinkTarget = await dir.readlink(path)
    return { uid, gid, mode: modeSymlink | 0o777, xattrs: [], symlinkTarget, sizeBytes: 0 }
  }
  return { uid, gid, mode: modeFile | stat.mode, xattrs: [], sizeBytes: stat.sizeBytes }
}

/** Bytes `[start, end)` of a stream. */
export async function* sliceBytes(source: Bytes, range: { start: number; end?: number }): Bytes {
  const end = range.end ?? Infinity
  if (range.start < 0 || end < range.start) {
    throw new BootcError('TREE_INVALID_PATH', 'bad range of bytes', { details: { path: `${range.start}` } })
  }
  let at = 0
  for await (const chunk of source) {
    const from = Math.max(0, range.start - at)
    const to = Math.min(chunk.length, end - at)
    at += chunk.length
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to)
    if (at >= end) return
  }
}
