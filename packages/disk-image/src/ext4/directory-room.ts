import { encodeName } from '@bootc-sdk/core/names'

export const blockBytes = 4096

/** Checksum of a directory block, shaped as an entry. */
const tailBytes = 12

/**
 * Free bytes in the blocks of a directory, as libext2fs fills it: the first block with room. debugfs enlarges
 * directories for new files but not for further names of one, so those have to know.
 */
export class DirectoryRoom {
  readonly #freeBytes: number[]

  /** @param names entries that are there beside `.` and `..` */
  constructor(names: readonly string[] = []) {
    this.#freeBytes = [blockBytes - tailBytes - 2 * entryBytes('.')]
    for (const name of names) this.add(name)
  }

  /** @returns whether the directory had to become a block larger */
  add(name: string): boolean {
    const need = entryBytes(name)
    const index = this.#freeBytes.findIndex((free) => free >= need)
    if (index >= 0) {
      this.#freeBytes[index]! -= need
      return false
    }
    this.#freeBytes.push(blockBytes - tailBytes - need)
    return true
  }

  get blocks(): number {
    return this.#freeBytes.length
  }
}

/** @see Linux Documentation/filesystems/ext4/directory.rst */
function entryBytes(name: string): number {
  const nameBytes = isAscii(name) ? name.length : encodeName(name).length
  return (8 + nameBytes + 3) & ~3
}

function isAscii(name: string): boolean {
  return Buffer.byteLength(name) === name.length
}
