import { parentPath, baseName, encodeName } from '@bootc-sdk/core/names'
import type { PackNode } from '../scan-tree.js'
import { blockBytes, DirectoryRoom } from './directory-room.js'
import { fastLinkBytes } from './inode.js'
import { inodeBytes } from './layout.js'
import { placeXattrs } from './xattrs.js'

/** Journal, group descriptors and room for them to grow, bitmaps. */
const fixedBytes = 96 << 20

/** Inodes for the entries, and as many again. */
export function inodesFor(nodes: readonly PackNode[]): number {
  return (12 + nodes.filter(({ linkOf }) => linkOf === undefined).length) * 2 + 1024
}

/** Bytes that an ext4 needs to hold the entries; never too low. */
export function estimateExt4(nodes: readonly PackNode[]): number {
  let blocks = 0
  const rooms = new Map<string, DirectoryRoom>()
  for (const node of nodes) {
    if (node.path !== '') rooms.get(parentPath(node.path))?.add(baseName(node.path))
    if (node.type === 'directory') rooms.set(node.path, new DirectoryRoom())
    if (node.linkOf !== undefined) continue
    if (node.type === 'file') blocks += fileBlocks(node.sizeBytes)
    if (encodeName(node.target ?? '').length > fastLinkBytes) blocks++
    if (placeXattrs(node.path, node.xattrs).block !== undefined) blocks++
  }
  for (const room of rooms.values()) blocks += room.blocks
  return Math.ceil(blocks * blockBytes * 1.01) + inodesFor(nodes) * inodeBytes + fixedBytes
}

/** With blocks of the extent tree, should the file lie in pieces. */
function fileBlocks(sizeBytes: number): number {
  const blocks = Math.ceil(sizeBytes / blockBytes)
  return blocks + Math.ceil(blocks / 16384)
}
