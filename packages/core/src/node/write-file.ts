import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  write as writeCallback,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'
import type { Bytes, WriteOptions } from '../interfaces/index.js'
import { applyMetaToFd } from './metadata.js'
import { placeBelow, type NodeRoot, Place } from './place.js'
import { errnoOf, fromErrno, treeError } from './tree-error.js'

const writeAsync = promisify(writeCallback)
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

/** Chunks up to this size go to the page cache at once; larger ones leave the event loop free. */
const syncBytes = 128 * 1024

/** Make a file: `fill` writes its content to the descriptor. Whole or not at all unless `atomic: false`. */
export async function makeFile(
  root: NodeRoot,
  path: string,
  fill: (fd: number) => Promise<void> | void,
  options: WriteOptions = {},
): Promise<void> {
  const { ifExists = 'replace', atomic = true } = options
  using place = placeBelow(root, path)
  try {
    if (ifExists === 'fail' && place.parent.lstat(place.name)) throw treeError('TREE_EXISTS', place.shown)
    const name = atomic ? `.bootc-sdk-${randomBytes(4).toString('hex').slice(0, 6)}.tmp` : place.name
    const made = new Place(place.parent, name, place.shown)
    const fd = create(made, options, !atomic && ifExists === 'replace')
    try {
      try {
        await fill(fd)
        await applyMetaToFd(root, fd, made, options)
      } finally {
        closeSync(fd)
      }
      if (atomic && ifExists === 'fail') publishNew(root, made, place)
      else if (atomic) renameSync(made.path, place.path)
    } catch (error) {
      unlinkQuietly(made.path)
      throw error
    }
  } catch (error) {
    throw fromErrno(error, place.shown)
  }
}

/** Content given as bytes or as a stream. */
export function fillWith(data: Uint8Array | Bytes): (fd: number) => Promise<void> | void {
  return async (fd) => {
    if (data instanceof Uint8Array) return writeChunk(fd, data)
    for await (const chunk of data) await writeChunk(fd, chunk)
  }
}

async function writeChunk(fd: number, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    const length = chunk.length - offset
    if (length <= syncBytes) offset += writeSync(fd, chunk, offset, length)
    else offset += (await writeAsync(fd, chunk, offset, length)).bytesWritten
  }
}

function create(place: Place, options: WriteOptions, replace: boolean): number {
  // Nobody else may look into a file that is to become private.
  const mode = options.mode === undefined ? 0o666 : 0o600
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
  try {
    return openSync(place.path, flags, mode)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !replace) throw error
    // A new inode, not new content for all hard links of the old one.
    unlinkSync(place.path)
    return openSync(place.path, flags, mode)
  }
}

/** Give the finished file its name unless that is taken. */
function publishNew(root: NodeRoot, made: Place, place: Place): void {
  if (root.supports.hardlink) {
    linkSync(made.path, place.path)
    unlinkQuietly(made.path)
  } else {
    if (place.parent.lstat(place.name)) throw treeError('TREE_EXISTS', place.shown)
    renameSync(made.path, place.path)
  }
}

function unlinkQuietly(path: string | Buffer): void {
  try {
    unlinkSync(path)
  } catch {
    // The error that led here says more.
  }
}
