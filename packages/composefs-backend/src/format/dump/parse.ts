import { isUtf8 } from 'node:buffer'
import { badDump } from '../errors.js'
import { isDirectory, S_IFDIR, S_IFMT, type FileTree } from '../../tree/inode.js'
import { HardLinks } from './hard-links.js'
import { InodeReader } from './inode-reader.js'
import { dumpLimits, LINE_MAX, type DumpLimits, type Flavor } from './limits.js'
import { LineReader } from './line-reader.js'
import { PathWalker } from './path-walker.js'

const NEWLINE = 0x0a
const AT = 0x40

export interface ParseDumpOptions {
  /** Whose rules and limits hold; default `c`, which allows more. */
  readonly flavor?: Flavor
}

/**
 * Tree of a dump in composefs-dump(5) text form.
 *
 * Inodes with equal attributes share one map.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_DUMP` with the number of the line
 */
export function parseDump(text: Uint8Array, options: ParseDumpOptions = {}): FileTree {
  const parser = new DumpParser(options)
  parser.push(text)
  return parser.end()
}

/** The same from a stream, which is never held as a whole. */
export async function parseDumpStream(
  chunks: AsyncIterable<Uint8Array>,
  options: ParseDumpOptions & { readonly signal?: AbortSignal } = {},
): Promise<FileTree> {
  const parser = new DumpParser(options)
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted()
    parser.push(chunk)
  }
  return parser.end()
}

class DumpParser {
  private readonly reader = new LineReader()
  private readonly limits: DumpLimits
  private readonly rs: boolean
  private readonly inodes: InodeReader
  private readonly links: HardLinks
  private walker: PathWalker | undefined
  /** The beginning of a line whose end has not come yet. */
  private rest: Buffer[] = []
  private restBytes = 0

  constructor(options: ParseDumpOptions) {
    this.rs = options.flavor === 'rs'
    this.limits = dumpLimits[options.flavor ?? 'c']
    this.inodes = new InodeReader(this.limits, this.rs)
    this.links = new HardLinks(this.limits.forwardLinks)
  }

  push(chunk: Uint8Array): void {
    const { reader } = this
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let start = 0
    for (;;) {
      const end = buffer.indexOf(NEWLINE, start)
      const lineBytes = (end < 0 ? buffer.length : end) - start + this.restBytes
      if (lineBytes > LINE_MAX) throw badDump(reader.line + 1, `longer than ${LINE_MAX} bytes`)
      if (end < 0) break
      if (this.restBytes > 0) {
        const line = Buffer.concat([...this.rest, buffer.subarray(start, end)])
        this.rest = []
        this.restBytes = 0
        this.parseLine(line, 0, line.length)
      } else {
        this.parseLine(buffer, start, end)
      }
      start = end + 1
    }
    if (start === buffer.length) return
    this.rest.push(Buffer.from(buffer.subarray(start)))
    this.restBytes += buffer.length - start
  }

  end(): FileTree {
    if (this.restBytes > 0) {
      const line = Buffer.concat(this.rest)
      this.parseLine(line, 0, line.length)
    }
    if (this.walker === undefined) throw badDump(1, 'there is no line')
    const owners = this.links.resolve(this.walker.root)
    return { root: this.walker.root, ...(owners.size > 0 && { owners }) }
  }

  private parseLine(buffer: Buffer, start: number, end: number): void {
    const { reader } = this
    reader.line++
    reader.buffer = buffer
    reader.at = start
    reader.end = end
    if (start === end) reader.fail('the line is empty')
    if (this.rs && !isUtf8(buffer.subarray(start, end))) reader.fail('the line is not UTF-8')
    const path = reader.path('path')
    if (path.end - path.start > this.limits.path) reader.fail('the path is too long')
    if (this.walker === undefined) return this.parseRoot(path)
    this.walker.enter(path, reader)
    const sizeAt = reader.at
    reader.skip('size')
    if (reader.at <= end && buffer[reader.at] === AT) return this.parseLink()
    reader.at = sizeAt
    this.walker.add(this.inodes.read(reader), reader)
  }

  private parseRoot({ buffer, start, end }: { buffer: Buffer; start: number; end: number }): void {
    if (end - start !== 1 || buffer[start] !== 0x2f) this.reader.fail('the first line is not the root')
    const root = this.inodes.read(this.reader)
    if (!isDirectory(root)) this.reader.fail('the root is not a directory')
    this.walker = new PathWalker(root)
  }

  /** Only the payload counts, and that the mode is an octal number; what else stands there may be `-`. */
  private parseLink(): void {
    const reader: LineReader = this.reader
    reader.at++
    const type = reader.mode() & S_IFMT
    if (type === S_IFDIR) reader.fail('a directory cannot be a hard link')
    for (const name of ['nlink', 'uid', 'gid', 'rdev', 'mtime']) reader.skip(name)
    const target = reader.optional('payload')
    if (target === undefined) reader.fail('a hard link without target')
    const walker = this.walker as PathWalker
    walker.add(this.links.link(target, walker.root, reader), reader)
  }
}
