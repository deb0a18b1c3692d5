import type { ByteString } from '../../tree/inode.js'
import { DIRENT, DIRENT_SIZE } from './constants.js'
import type { Directory } from './directory.js'
import type { ImagePlan } from './emit.js'
import type { ImageBuffer } from './image-buffer.js'

/** One block of a directory, or its tail: all entries, then all names. */
export function writeDirectoryBlock(
  out: ImageBuffer,
  at: number,
  directory: Directory,
  index: number,
  plan: ImagePlan,
): void {
  const { names, inos, starts } = directory
  const { nids } = plan.placement
  const { types } = plan.list
  const first = starts[index] as number
  const end = starts[index + 1] ?? names.length
  let entry = at
  let nameOffset = (end - first) * DIRENT_SIZE
  for (let i = first; i < end; i++) {
    const ino = inos[i] as number
    const name = names[i] as ByteString
    out.u32(nids[ino] as number, entry + DIRENT.nid)
    out.u16(nameOffset, entry + DIRENT.nameOffset)
    out.u8(types[ino] as number, entry + DIRENT.type)
    out.string(name, at + nameOffset)
    entry += DIRENT_SIZE
    nameOffset += name.length
  }
}
