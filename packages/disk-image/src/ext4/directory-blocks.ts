import type { EntryType } from '@bootc-sdk/core'
import { blockBytes, directoryTailBytes, entryBytes } from './directory-room.js'
import { crc32c } from './crc32c.js'

/** `file_type` of an entry. @see Linux Documentation/filesystems/ext4/directory.rst */
const fileTypes: Readonly<Record<EntryType, number>> = {
  file: 1,
  directory: 2,
  char: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
}
const tailType = 0xde

export interface DirectoryEntry {
  readonly name: Buffer
  readonly inode: number
  readonly type: EntryType
}

/**
 * The blocks of a directory without index, as libext2fs makes them; the kernel reads them like that.
 *
 * @param entries `.` and `..` first
 * @param seed checksum of the inode's number and generation
 */
export function directoryBlocks(entries: readonly DirectoryEntry[], seed: number): Buffer[] {
  const end = blockBytes - directoryTailBytes
  const blocks: Buffer[] = []
  let [block, at, last] = [Buffer.alloc(blockBytes), 0, 0]
  const finish = () => {
    // The last entry reaches to the end.
    block.writeUInt16LE(end - last, last + 4)
    block.writeUInt16LE(directoryTailBytes, end + 4)
    block.writeUInt8(tailType, end + 7)
    block.writeUInt32LE(crc32c(seed, block.subarray(0, end)), end + 8)
    blocks.push(block)
  }
  for (const { name, inode, type } of entries) {
    const need = entryBytes(name.length)
    if (at + need > end) {
      finish()
      ;[block, at] = [Buffer.alloc(blockBytes), 0]
    }
    block.writeUInt32LE(inode, at)
    block.writeUInt16LE(need, at + 4)
    block.writeUInt8(name.length, at + 6)
    block.writeUInt8(fileTypes[type], at + 7)
    name.copy(block, at + 8)
    last = at
    at += need
  }
  finish()
  return blocks
}
