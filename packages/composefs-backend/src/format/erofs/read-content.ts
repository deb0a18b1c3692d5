import type { ByteString } from '../../tree/inode.js'
import { BLOCK_SIZE } from './constants.js'
import { badInode, type ErofsInode } from './read-inode.js'
import type { Superblock } from './read-superblock.js'

/** Content of a regular file that is in the image: a copy. */
export function readContent(image: Superblock, inode: ErofsInode): Buffer {
  const start = inode.u * BLOCK_SIZE
  const tail = inode.xattrOffset + inode.xattrSize
  const head = image.bytes.subarray(start, start + inode.blockBytes)
  if (inode.tailBytes === 0) return Buffer.from(head)
  return Buffer.concat([head, image.bytes.subarray(tail, tail + inode.tailBytes)])
}

/** Target of a symbolic link. @throws BootcError `STORE_COMPOSEFS_BAD_IMAGE` when it holds a NUL */
export function readTarget(image: Superblock, inode: ErofsInode): ByteString {
  const target = readContent(image, inode).toString('latin1')
  if (target.includes('\0')) {
    throw badInode(inode, 'has a target with a NUL byte')
  }
  return target
}
