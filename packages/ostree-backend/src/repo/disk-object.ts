import type { Meta } from '@bootc-sdk/core'
import { invalid, unsupported } from '../format/errors.js'
import { encodeFileHeader, encodeFilezHeader } from '../format/file-header.js'
import { encodeOstreeMeta } from '../format/dirmeta.js'
import { isSymlinkMode } from '../format/mode.js'
import type { FileHeader, RepoMode } from './api.js'

/** How one file object is hashed and laid down; the native and the Dir writer both follow it. */
export interface DiskObject {
  /** Hashed before the content, not written. */
  readonly hashPrefix: Buffer
  /** Written before the content, not hashed. */
  readonly filePrefix?: Buffer
  /** Content is stored as raw deflate. */
  readonly deflate: boolean
  /** The object is a real symbolic link. */
  readonly symlinkTarget?: string
  /** Attributes of the file on disk. */
  readonly meta: Meta
}

/**
 * Layout of a file object in a mode. Content of symbolic links is empty for every writer: where they are
 * stored as files, the target is the prefix.
 *
 * @throws BootcError `STORE_OSTREE_INVALID` for what the mode cannot represent
 */
export function diskObject(mode: RepoMode, header: FileHeader, sizeBytes: number): DiskObject {
  const symlink = isSymlinkMode(header.mode)
  if (symlink && sizeBytes > 0) throw invalid('file object', 'symbolic link with content')
  const hashPrefix = encodeFileHeader(header)
  switch (mode) {
    case 'archive':
      return {
        hashPrefix,
        filePrefix: encodeFilezHeader(header, sizeBytes),
        deflate: !symlink,
        meta: { mode: 0o644 },
      }
    case 'bare':
      return {
        hashPrefix,
        deflate: false,
        ...(symlink ? { symlinkTarget: header.symlinkTarget! } : {}),
        meta: {
          uid: header.uid,
          gid: header.gid,
          xattrs: header.xattrs,
          ...(symlink ? {} : { mode: header.mode & 0o7777, mtime: 0 }),
        },
      }
    case 'bare-user':
      return {
        hashPrefix,
        ...(symlink ? { filePrefix: Buffer.from(`${header.symlinkTarget}\0`) } : {}),
        deflate: false,
        meta: {
          mode: symlink ? 0o644 : (header.mode & 0o775) | 0o400,
          xattrs: [{ name: 'user.ostreemeta', value: encodeOstreeMeta(header) }],
          mtime: 0,
        },
      }
    case 'bare-user-only':
      checkUserOnly(header, symlink)
      return symlink
        ? { hashPrefix, deflate: false, symlinkTarget: header.symlinkTarget!, meta: {} }
        : { hashPrefix, deflate: false, meta: { mode: header.mode & 0o7777, mtime: 0 } }
    case 'bare-split-xattrs':
      throw unsupported('bare-split-xattrs repository', 'can be read, not written')
  }
}

function checkUserOnly(header: FileHeader, symlink: boolean): void {
  if (header.uid !== 0 || header.gid !== 0) {
    throw invalid('file object', `owner ${header.uid}:${header.gid} in a bare-user-only repository`)
  }
  if (header.xattrs.length > 0) throw invalid('file object', 'attributes in a bare-user-only repository')
  if (!symlink && (header.mode & 0o7777 & ~0o775) !== 0) {
    throw invalid('file object', `mode 0${header.mode.toString(8)} in a bare-user-only repository`)
  }
}
