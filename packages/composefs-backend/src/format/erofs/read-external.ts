import { badImage } from '../errors.js'
import { objectPath, type VerityAlgorithm } from '../types.js'
import { METACOPY_HEADER_SIZE } from './constants.js'
import { isExternal, type ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'
import { forEachXattr, METACOPY_SUFFIX, REDIRECT_SUFFIX, suffixIs, XATTR_TRUSTED } from './read-xattrs.js'
import { S_IFMT, S_IFREG, type ByteString, type Int64 } from '../../tree/inode.js'

/** Where the content of a file is that the image only names. */
export interface ExternalFile {
  /** fs-verity digest that the kernel demands, lower-case hex; '' when there is none. */
  readonly digest: string
  /** Path below the object store, as found but without its leading `/`; '' when there is none. */
  readonly payload: ByteString
  readonly sizeBytes: Int64
}

const objectName = /^([0-9a-f]{2})\/([0-9a-f]{62}|[0-9a-f]{126})$/

/**
 * What a regular file's overlay attributes refer to; undefined for files whose content is in the image.
 *
 * @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` for attributes that are damaged, or on a file with content
 */
export function readExternal(image: Superblock, inode: ErofsInode): ExternalFile | undefined {
  if ((inode.mode & S_IFMT) !== S_IFREG) return undefined
  let digest: string | undefined
  let payload: ByteString | undefined
  const { bytes } = image
  forEachXattr(image, inode, (prefix, suffixOffset, valueOffset, valueEnd) => {
    if (prefix !== XATTR_TRUSTED) return
    // The first of several is the one that the kernel finds.
    if (digest === undefined && suffixIs(bytes, suffixOffset, valueOffset, METACOPY_SUFFIX)) {
      digest = readMetacopy(bytes, inode, valueOffset, valueEnd)
    } else if (payload === undefined && suffixIs(bytes, suffixOffset, valueOffset, REDIRECT_SUFFIX)) {
      payload = readRedirect(bytes, inode, valueOffset, valueEnd)
    }
  })
  if (!isExternal(inode)) {
    if (digest === undefined && payload === undefined) return undefined
    throw badImage(`inode ${inode.nid} has content, and refers to an object`, { offset: inode.offset })
  }
  return { digest: digest ?? '', payload: payload ?? '', sizeBytes: inode.size }
}

/** Digest in the name of an object (`xx/rest`); undefined for other paths. */
export function digestOfPath(path: ByteString): string | undefined {
  const match = objectName.exec(path)
  return match === null ? undefined : match[1]! + match[2]!
}

/** An object that an image needs. */
export interface ReferencedObject {
  /** Path below the object store. */
  readonly path: ByteString
  /** The digest, from the attribute or else from the path; '' when the path is not an object's name. */
  readonly digest: string
  /** Bytes; beyond 2^53 not exact. */
  readonly sizeBytes: number
}

/**
 * The objects behind a file: usually one. Two when its path and its digest name different ones: the kernel
 * opens the first and demands the second, and neither may be collected as garbage.
 */
export function objectsOf(file: ExternalFile): ReferencedObject[] {
  const sizeBytes = Number(file.sizeBytes)
  const { digest, payload } = file
  if (digest !== '' && isPathOf(payload, digest)) return [{ path: payload, digest, sizeBytes }]
  const own = digest === '' ? [] : [{ path: objectPath(digest), digest, sizeBytes }]
  if (payload === '') return own
  const named = digestOfPath(payload)
  if (named !== undefined) return [{ path: payload, digest: named, sizeBytes }, ...own]
  return [{ path: payload, digest, sizeBytes }]
}

/** Compared in place, since images have many and building the path costs more than all the rest. */
export function isPathOf(payload: ByteString, digest: string): boolean {
  return (
    payload.length === digest.length + 1 &&
    payload.charCodeAt(2) === 0x2f &&
    payload.startsWith(digest.slice(0, 2)) &&
    payload.endsWith(digest.slice(2))
  )
}

export function algorithmOfDigest(digest: string): VerityAlgorithm {
  return digest.length === 64 ? 'sha256' : 'sha512'
}

function readMetacopy(bytes: Buffer, inode: ErofsInode, start: number, end: number): string {
  const length = end - start
  if (length === 0) return ''
  const algorithm = bytes[start + 3]
  const wellFormed =
    (length === METACOPY_HEADER_SIZE + 32 && algorithm === 1) ||
    (length === METACOPY_HEADER_SIZE + 64 && algorithm === 2)
  if (!wellFormed || bytes[start] !== 0 || bytes[start + 1] !== length || bytes[start + 2] !== 0) {
    throw badImage(`the digest of inode ${inode.nid} is malformed`, { offset: start })
  }
  return bytes.toString('hex', start + METACOPY_HEADER_SIZE, end)
}

function readRedirect(bytes: Buffer, inode: ErofsInode, start: number, end: number): ByteString {
  const path = bytes.toString('latin1', bytes[start] === 0x2f ? start + 1 : start, end)
  if (!path.includes('\0')) return path
  throw badImage(`the object path of inode ${inode.nid} holds a NUL byte`, { offset: start })
}
