import { S_IFDIR, S_IFMT, type ByteString, type Inode } from '../../tree/inode.js'
import { NAME_MAX } from './limits.js'
import type { LineReader } from './line-reader.js'

const SLASH = 0x2f
const DOT = 0x2e

/**
 * Finds the directory of each line's path. Dumps come directory by directory, so it remembers where the line
 * before was, compares bytes, and walks only what differs.
 */
export class PathWalker {
  /** Path of the current directory, no final slash; the root is empty. */
  private directoryPath = Buffer.alloc(4096)
  private length = 0
  /** The directories on the way, and where the path of each ends. */
  private readonly stack: Inode[]
  private readonly ends: number[] = [0]
  private name: ByteString = ''

  constructor(readonly root: Inode) {
    this.stack = [root]
  }

  /** Go to the directory of a path; `add` then puts something there under the last component. */
  enter(path: { buffer: Buffer; start: number; end: number }, reader: LineReader): void {
    const { buffer, start, end } = path
    if (buffer[start] !== SLASH) reader.fail('the path is not absolute')
    let slash = end - 1
    while (buffer[slash] !== SLASH) slash--
    this.name = this.component(buffer, slash + 1, end, reader)
    const length = slash - start
    let same = 0
    const limit = Math.min(length, this.length)
    while (same < limit && buffer[start + same] === this.directoryPath[same]) same++
    if (same === length && same === this.length) return
    this.walk(buffer, start, length, same, reader)
  }

  add(inode: Inode, reader: LineReader): void {
    const directory = this.stack[this.stack.length - 1] as Inode
    const children = directory.children as Map<ByteString, Inode>
    const before = children.size
    children.set(this.name, inode)
    if (children.size === before) reader.fail('the path is there already')
  }

  private walk(buffer: Buffer, start: number, length: number, same: number, reader: LineReader): void {
    const { stack, ends } = this
    // Up to the directory that both paths have: its path ends within what is equal, at a slash or the end.
    for (;;) {
      const top = ends[ends.length - 1] as number
      if (top <= same && (top === length || buffer[start + top] === SLASH)) break
      stack.pop()
      ends.pop()
    }
    let at = ends[ends.length - 1] as number
    while (at < length) {
      let next = at + 1
      while (next < length && buffer[start + next] !== SLASH) next++
      const name = this.component(buffer, start + at + 1, start + next, reader)
      const child = stack[stack.length - 1]?.children?.get(name)
      if (child === undefined) reader.fail('its directory is not there yet')
      if ((child.mode & S_IFMT) !== S_IFDIR) reader.fail('it lies in what is not a directory')
      stack.push(child)
      ends.push(next)
      at = next
    }
    if (length > this.directoryPath.length) this.directoryPath = Buffer.alloc(length * 2)
    buffer.copy(this.directoryPath, 0, start, start + length)
    this.length = length
  }

  private component(buffer: Buffer, start: number, end: number, reader: LineReader): ByteString {
    const length = end - start
    if (length === 0) reader.fail('the path has an empty component')
    if (length > NAME_MAX) reader.fail(`the path has a component of more than ${NAME_MAX} bytes`)
    if (buffer[start] === DOT && (length === 1 || (length === 2 && buffer[start + 1] === DOT))) {
      reader.fail('the path has a component . or ..')
    }
    const name = buffer.toString('latin1', start, end)
    if (name.includes('\0')) reader.fail('the path has a NUL byte')
    return name
  }
}
