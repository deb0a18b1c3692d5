import { closeSync, constants, fstatSync, openSync, read as readCallback, readSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Bytes } from '../interfaces/index.js'
import { placeOf, type NodeRoot } from './place.js'
import { fromErrno, treeError } from './tree-error.js'

const readAsync = promisify(readCallback)

/** Up to this size a file is one chunk, read at once. */
const wholeBytes = 256 * 1024
const chunkBytes = 1024 * 1024

/** Content of a regular file. Opened when the first chunk is asked for. */
export async function* readFile(
  root: NodeRoot,
  path: string,
  range: { start: number; end?: number } = { start: 0 },
): Bytes {
  const fd = openFile(root, path)
  try {
    const sizeBytes = fstatSync(fd).size
    const end = Math.min(range.end ?? sizeBytes, sizeBytes)
    for (let offset = range.start; offset < end;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(end - offset, chunkBytes))
      const length =
        end - range.start <= wholeBytes
          ? readSync(fd, chunk, 0, chunk.length, offset)
          : (await readAsync(fd, chunk, 0, chunk.length, offset)).bytesRead
      // Shorter than it was a moment ago.
      if (length === 0) break
      offset += length
      yield length === chunk.length ? chunk : chunk.subarray(0, length)
    }
  } catch (error) {
    throw fromErrno(error, path)
  } finally {
    closeSync(fd)
  }
}

/** Open for reading; never a link, never waiting for a pipe. */
export function openFile(root: NodeRoot, path: string): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    using place = placeOf(root, path)
    // Opening a device can have effects, so look first.
    const stats = place.parent.lstat(place.name)
    if (stats !== undefined && !stats.isFile()) throw treeError('TREE_NOT_FILE', path)
    const fd = openSync(place.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    if (fstatSync(fd).isFile()) return fd
    closeSync(fd)
    throw treeError('TREE_NOT_FILE', path)
  } catch (error) {
    throw fromErrno(error, path)
  }
}
