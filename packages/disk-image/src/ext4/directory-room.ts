import { encodeName } from '@bootc-sdk/core/names'

export const blockBytes = 4096

/** Checksum of a directory block, shaped as an entry. */
export const directoryTailBytes = 12

/** How many blocks a directory takes: entries follow each other, and none goes over the end of a block. */
export class DirectoryRoom {
  #freeBytes = blockBytes - directoryTailBytes - 2 * entryBytes(1)
  #blocks = 1

  add(name: string): void {
    const need = entryBytes(isAscii(name) ? name.length : encodeName(name).length)
    if (need > this.#freeBytes) {
      this.#blocks++
      this.#freeBytes = blockBytes - directoryTailBytes
    }
    this.#freeBytes -= need
  }

  get blocks(): number {
    return this.#blocks
  }
}

/** @see Linux Documentation/filesystems/ext4/directory.rst */
export function entryBytes(nameBytes: number): number {
  return (8 + nameBytes + 3) & ~3
}

function isAscii(name: string): boolean {
  return Buffer.byteLength(name) === name.length
}
