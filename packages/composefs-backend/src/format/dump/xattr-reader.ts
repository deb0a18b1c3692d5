import type { ByteString, Xattrs } from '../../tree/inode.js'
import { NAME_MAX, XATTR_VALUE_MAX, type DumpLimits } from './limits.js'
import type { LineReader } from './line-reader.js'

/** How many different sets of attributes are remembered, and how long their text may be. */
const CACHE_SETS = 16384
const CACHE_TEXT = 512

/** Attributes at the end of a line. Few sets serve most files, so equal text gives the same map. */
export class XattrReader {
  private readonly cache = new Map<string, Xattrs>()

  constructor(private readonly limits: DumpLimits) {}

  /** The rest of the line. */
  read(reader: LineReader): Xattrs | undefined {
    if (reader.at > reader.end) return undefined
    const text = reader.buffer.toString('latin1', reader.at, reader.end)
    const known = this.cache.get(text)
    if (known !== undefined) return known
    const xattrs = this.parse(text, reader)
    if (text.length <= CACHE_TEXT) {
      if (this.cache.size >= CACHE_SETS) this.cache.clear()
      this.cache.set(text, xattrs)
    }
    return xattrs
  }

  private parse(text: string, reader: LineReader): Xattrs {
    if (text.length > this.limits.xattrText) reader.fail('attributes are too long')
    const xattrs = new Map<ByteString, ByteString>()
    let sum = 12
    let names = 0
    for (const field of text.split(' ')) {
      const equals = field.indexOf('=')
      if (equals < 0) reader.fail('an attribute without =')
      const name = reader.unescape(field.slice(0, equals), 'attribute')
      const value = reader.unescape(field.slice(equals + 1), 'attribute')
      if (name === '' || name.length > NAME_MAX || name.includes('\0')) {
        reader.fail('the name of an attribute is empty, too long, or has a NUL byte')
      }
      if (value.length > XATTR_VALUE_MAX) reader.fail('the value of an attribute is too long')
      if (xattrs.has(name)) reader.fail('an attribute is there twice')
      xattrs.set(name, value)
      names += name.length
      sum += name.length + value.length + 7
    }
    if (sum > this.limits.xattrSum || names > XATTR_VALUE_MAX) reader.fail('attributes are too long')
    return xattrs
  }
}
