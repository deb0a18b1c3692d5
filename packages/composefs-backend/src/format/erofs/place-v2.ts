import type { Inode } from '../../tree/inode.js'
import {
  BLOCK_SIZE,
  CHUNK_BITS_MASK,
  EXTENDED_INODE_SIZE,
  FIRST_INODE_OFFSET,
  FT_BLOCK,
  FT_CHARACTER,
  FT_DIRECTORY,
  FT_REGULAR,
  FT_SYMLINK,
  LAYOUT_CHUNKED,
  LAYOUT_INLINE,
  LAYOUT_PLAIN,
  SLOT_SIZE,
} from './constants.js'
import type { Directory } from './directory.js'
import type { InodeList } from './inode-list.js'
import { Placement, roundUp } from './place.js'
import type { References } from './references.js'
import { areaOf } from './xattr-area.js'
import type { XattrSet, XattrTable } from './xattr-table.js'

/** Places inodes of composefs_version 2: all extended, files and link targets wholly after the inode. */
export function placeV2(list: InodeList, table: XattrTable, references: References): Placement {
  const placement = new Placement(list.length)
  const { nids, formats, xattrBytes, tailBytes, blocks, us } = placement
  let position = FIRST_INODE_OFFSET
  let nextDirectory = 0
  for (let ino = 0; ino < list.length; ino++) {
    const inode = list.inodes[ino] as Inode
    const type = list.types[ino] as number
    const kind = list.kinds[ino] as number
    let tail = 0
    let layout = LAYOUT_PLAIN
    if (type === FT_DIRECTORY) {
      const directory = list.directories[nextDirectory++] as Directory
      tail = directory.tailBytes
      blocks[ino] = directory.blocks
    } else if (type === FT_REGULAR && kind !== 0) {
      layout = LAYOUT_CHUNKED
      us[ino] = CHUNK_BITS_MASK
      tail = references.hasChunks(inode) ? 4 : 0
    } else if (type === FT_REGULAR) {
      tail = inode.content?.length ?? 0
    } else if (type === FT_SYMLINK) {
      tail = inode.target.length
    } else if (type === FT_CHARACTER || type === FT_BLOCK) {
      us[ino] = inode.rdev
    }
    if (layout === LAYOUT_PLAIN && tail > 0) layout = LAYOUT_INLINE
    const xattrs = areaOf(list.sets[ino] as XattrSet, kind, table).size(inode, references)
    const header = EXTENDED_INODE_SIZE + xattrs
    if (layout === LAYOUT_INLINE) {
      const start = position + header
      const end = start + (tail % BLOCK_SIZE)
      if (Math.floor((start - 1) / BLOCK_SIZE) !== Math.floor(end / BLOCK_SIZE)) {
        position = roundUp(position + BLOCK_SIZE - ((start - 1) % BLOCK_SIZE), SLOT_SIZE)
      }
    }
    nids[ino] = position / SLOT_SIZE
    formats[ino] = (layout << 1) | 1
    xattrBytes[ino] = xattrs
    tailBytes[ino] = tail
    position = roundUp(position + header + tail, SLOT_SIZE)
  }
  placement.inodesEnd = position
  return placement
}
