import { isUtf8 } from 'node:buffer'
import { compareNames } from '@bootc-sdk/core/names'
import type { DirTree } from '../repo/api.js'
import { isChecksum, maxMetadataBytes } from './checksum.js'
import { corrupt, invalid } from './errors.js'
import { offsetWidth, offsetWidthFor } from './gvariant-type.js'
import { fileNameProblem } from './names.js'

const csumBytes = 32

/**
 * Encode a dirtree object: `(a(say)a(sayay))`, entries in byte order of their names. Written by hand: an
 * image has thousands of these.
 *
 * @param tree names unique across both arrays; checksums in hex
 * @throws BootcError `STORE_OSTREE_INVALID`
 * @see ostree 2026.4 src/libostree/ostree-core.h, OSTREE_TREE_GVARIANT_FORMAT
 */
export function encodeDirTree(tree: DirTree): Buffer {
  checkNames(tree)
  const files = measure(tree.files, 1)
  const dirs = measure(tree.dirs, 2)
  const width = offsetWidthFor(files.totalBytes + dirs.totalBytes, 1)
  const total = files.totalBytes + dirs.totalBytes + width
  if (total > maxMetadataBytes) throw invalid('dirtree', `${total} bytes are too many`)
  const out = Buffer.alloc(total)
  writeArray(out, 0, files, tree.files, (file) => [file.checksum])
  writeArray(out, files.totalBytes, dirs, tree.dirs, (dir) => [dir.tree, dir.meta])
  out.writeUIntLE(files.totalBytes, total - width, Math.min(width, 6))
  return out
}

interface Measure {
  /** Bytes of each name with its NUL. */
  readonly names: readonly number[]
  readonly ends: readonly number[]
  readonly width: number
  readonly totalBytes: number
}

function measure(entries: readonly { readonly name: string }[], checksums: 1 | 2): Measure {
  const names: number[] = []
  const ends: number[] = []
  let end = 0
  for (const { name } of entries) {
    const nameBytes = Buffer.byteLength(name) + 1
    const body = nameBytes + checksums * csumBytes
    end += body + checksums * offsetWidthFor(body, checksums)
    names.push(nameBytes)
    ends.push(end)
  }
  const width = offsetWidthFor(end, entries.length)
  return { names, ends, width, totalBytes: end + width * entries.length }
}

function writeArray<T extends { readonly name: string }>(
  out: Buffer,
  start: number,
  sizes: Measure,
  entries: readonly T[],
  checksumsOf: (entry: T) => readonly string[],
): void {
  let at = start
  entries.forEach((entry, index) => {
    const elementEnd = start + sizes.ends[index]!
    const nameBytes = sizes.names[index]!
    out.write(entry.name, at, nameBytes - 1, 'utf8')
    let member = at + nameBytes
    const memberEnds = [nameBytes]
    for (const checksum of checksumsOf(entry)) {
      if (!isChecksum(checksum)) throw invalid(`dirtree entry ${JSON.stringify(entry.name)}`, 'bad checksum')
      out.write(checksum, member, csumBytes, 'hex')
      member += csumBytes
      memberEnds.push(member - at)
    }
    // The last member ends where the offsets begin, so it has none; the others stand in reverse.
    memberEnds.pop()
    const width = (elementEnd - member) / memberEnds.length
    for (const end of memberEnds.reverse()) {
      out.writeUIntLE(end, member, width)
      member += width
    }
    at = elementEnd
  })
  for (const end of sizes.ends) {
    out.writeUIntLE(end, at, Math.min(sizes.width, 6))
    at += sizes.width
  }
}

function checkNames({ files, dirs }: DirTree): void {
  for (const entries of [files, dirs]) {
    let previous: string | undefined
    for (const { name } of entries) {
      const problem = fileNameProblem(name)
      if (problem !== undefined) throw invalid(`dirtree entry ${JSON.stringify(name.slice(0, 256))}`, problem)
      if (previous !== undefined && compareNames(previous, name) >= 0) {
        throw invalid(`dirtree entry ${JSON.stringify(name)}`, 'out of byte order or given twice')
      }
      previous = name
    }
  }
  const twice = findShared(files, dirs)
  if (twice !== undefined)
    throw invalid(`dirtree entry ${JSON.stringify(twice)}`, 'both a file and a directory')
}

function findShared(files: DirTree['files'], dirs: DirTree['dirs']): string | undefined {
  if (files.length === 0 || dirs.length === 0) return undefined
  const names = new Set(dirs.map((dir) => dir.name))
  return files.find((file) => names.has(file.name))?.name
}

/**
 * Decode a dirtree, refusing what is not normal form, not sorted, or has names that lead elsewhere.
 *
 * @throws BootcError `STORE_OSTREE_CORRUPT`
 */
export function decodeDirTree(bytes: Uint8Array, what = 'dirtree'): DirTree {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const total = buffer.length
  const width = offsetWidth(total)
  const body = total - width
  if (body < 0 || width > 4) throw corrupt(what, `${total} bytes`)
  const filesEnd = buffer.readUIntLE(body, width)
  if (filesEnd > body || offsetWidthFor(body, 1) !== width) throw corrupt(what, 'bad offset')
  const files = readArray(buffer.subarray(0, filesEnd), 1, what, (name, element, at) => ({
    name,
    checksum: element.toString('hex', at, at + csumBytes),
  }))
  const dirs = readArray(buffer.subarray(filesEnd, body), 2, what, (name, element, at) => ({
    name,
    tree: element.toString('hex', at, at + csumBytes),
    meta: element.toString('hex', at + csumBytes, at + 2 * csumBytes),
  }))
  const twice = findShared(files, dirs)
  if (twice !== undefined) throw corrupt(what, `${JSON.stringify(twice)} is both a file and a directory`)
  return { files, dirs }
}

function readArray<T>(
  array: Buffer,
  checksums: 1 | 2,
  what: string,
  make: (name: string, array: Buffer, checksumsAt: number) => T,
): T[] {
  if (array.length === 0) return []
  const width = offsetWidth(array.length)
  if (array.length < width || width > 4) throw corrupt(what, 'array without offsets')
  const table = array.readUIntLE(array.length - width, width)
  const count = (array.length - table) / width
  if (table >= array.length || !Number.isInteger(count) || offsetWidthFor(table, count) !== width) {
    throw corrupt(what, 'bad offset table')
  }
  const out: T[] = new Array<T>(count)
  let start = 0
  let previous: Buffer | undefined
  for (let index = 0; index < count; index++) {
    const end = array.readUIntLE(table + index * width, width)
    if (end < start || end > table) throw corrupt(what, 'offsets out of order')
    const nameEnd = elementNameEnd(array, start, end, checksums, what)
    const rawName = array.subarray(start, nameEnd)
    if (previous !== undefined && Buffer.compare(previous, rawName) >= 0) {
      throw corrupt(what, 'names out of order or given twice')
    }
    out[index] = make(decodeFileName(rawName, what), array, nameEnd + 1)
    previous = rawName
    start = end
  }
  return out
}

/** Check the frame of one `(say)` or `(sayay)` and return where its name ends, NUL not counted. */
function elementNameEnd(array: Buffer, start: number, end: number, checksums: 1 | 2, what: string): number {
  const width = offsetWidth(end - start)
  const body = end - start - checksums * width
  const nameBytes = body - checksums * csumBytes
  if (width > 4 || nameBytes < 2) throw corrupt(what, 'entry too small')
  if (array.readUIntLE(end - width, width) !== nameBytes || offsetWidthFor(body, checksums) !== width) {
    throw corrupt(what, 'checksum is not 32 bytes')
  }
  if (checksums === 2 && array.readUIntLE(end - 2 * width, width) !== nameBytes + csumBytes) {
    throw corrupt(what, 'checksum is not 32 bytes')
  }
  if (array[start + nameBytes - 1] !== 0) throw corrupt(what, 'name without its NUL')
  return start + nameBytes - 1
}

function decodeFileName(raw: Buffer, what: string): string {
  let ascii = true
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at]!
    if (byte === 0 || byte === 0x2f) throw corrupt(what, 'name holds a slash or a NUL')
    if (byte >= 0x80) ascii = false
  }
  if (!ascii && !isUtf8(raw)) throw corrupt(what, 'name is not UTF-8')
  const name = ascii ? raw.toString('latin1') : raw.toString('utf8')
  if (name === '.' || name === '..') throw corrupt(what, `name ${name}`)
  return name
}
