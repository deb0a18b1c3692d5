import {
  Inode,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../../tree/inode.js'
import { isHexDigest } from '../hex.js'
import type { DumpLimits } from './limits.js'
import type { LineReader } from './line-reader.js'
import { XattrReader } from './xattr-reader.js'

/** Makes inodes of the fields of lines, by the rules of mkcomposefs or those of composefs-rs. */
export class InodeReader {
  private readonly xattrs: XattrReader

  constructor(
    private readonly limits: DumpLimits,
    private readonly rs: boolean,
  ) {
    this.xattrs = new XattrReader(limits)
  }

  /** What stands behind the path. */
  read(reader: LineReader): Inode {
    const { rs } = this
    const size = reader.u64('size')
    const inode = new Inode(reader.mode())
    const type = inode.mode & S_IFMT
    inode.nlink = reader.u32('nlink')
    inode.uid = reader.u32('uid')
    inode.gid = reader.u32('gid')
    const rdev = reader.u32('rdev')
    const { sec, nsec } = reader.mtime(!rs)
    inode.mtimeSec = sec
    inode.mtimeNsec = nsec
    if (type === S_IFREG) {
      inode.size = size
      this.readFile(inode, reader)
    } else {
      const payload = reader.optional('payload')
      if (reader.raw('content') !== undefined) reader.fail('content of what is not a regular file')
      if (reader.raw('digest') !== undefined) reader.fail('digest of what is not a regular file')
      if (type === S_IFDIR) inode.children = new Map()
      else if (type === S_IFLNK) inode.target = this.symlinkTarget(payload, reader)
      else if (type === S_IFCHR || type === S_IFBLK) inode.rdev = rdev
      else if (type !== S_IFIFO && type !== S_IFSOCK) reader.fail('mode has no known file type')
    }
    if (rs) this.checkRs(inode, rdev, reader)
    inode.xattrs = this.xattrs.read(reader)
    return inode
  }

  private readFile(inode: Inode, reader: LineReader): void {
    const { rs } = this
    const payload = reader.optional('payload')
    if (payload !== undefined && (payload === '' || payload.includes('\0'))) {
      reader.fail('payload is empty or has a NUL byte')
    }
    if (payload !== undefined && payload.length > 4095) reader.fail('payload is too long')
    const content = reader.optional('content')
    const digest = reader.raw('digest')
    if (content !== undefined && !(rs && payload !== undefined)) {
      if (content.length !== inode.size) reader.fail(`content has ${content.length} bytes, not SIZE`)
      if (content.length > this.limits.content) reader.fail('content is too long for the image')
      if (rs && digest !== undefined) reader.fail('digest of content that is in the image')
      if (content !== '') inode.content = Buffer.from(content, 'latin1')
      return
    }
    inode.payload = payload ?? ''
    if (digest !== undefined) inode.digest = this.digest(digest, reader)
    if (!rs || (payload === undefined && digest === undefined)) return
    if (payload === undefined) reader.fail('digest without payload')
    if (digest === undefined && !/^[0-9a-f]{2}\/(?:[0-9a-f]{62}|[0-9a-f]{126})$/.test(payload)) {
      reader.fail('payload without digest is not the path of an object')
    }
  }

  private digest(text: string, reader: LineReader): string {
    if (isDigest(text)) return text
    const lower = text.toLowerCase()
    if (isDigest(lower)) return lower
    return reader.fail('digest is not 64 or 128 hexadecimal digits')
  }

  private symlinkTarget(payload: string | undefined, reader: LineReader): string {
    if (payload === undefined || payload === '') reader.fail('a symbolic link without target')
    if (payload.length > this.limits.symlink) reader.fail('the target of the link is too long')
    if (payload.includes('\0')) reader.fail('the target of the link has a NUL byte')
    return payload
  }

  private checkRs(inode: Inode, rdev: number, reader: LineReader): void {
    const type = inode.mode & S_IFMT
    const device = type === S_IFCHR || type === S_IFBLK
    if (!device && rdev !== 0) reader.fail('a device number of what is not a device')
    if (type === S_IFCHR && rdev === 0 && inode.nlink > 1) reader.fail('a whiteout with several names')
  }
}

function isDigest(text: string): boolean {
  return isHexDigest(text, 'sha256') || isHexDigest(text, 'sha512')
}
