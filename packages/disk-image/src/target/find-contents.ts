/** What is on a disk already, by its first blocks. */
export interface DiskContents {
  readonly table?: 'gpt' | 'dos'
  /** In the table; of a GPT the protective entry is none. */
  readonly partitions: number
  /** A file system or container on the whole disk. */
  readonly fileSystem?: string
}

/** Superblocks of btrfs are the last to begin. */
export const contentsHeadBytes = (64 << 10) + 4096

const signatures: readonly (readonly [name: string, at: number, magic: string])[] = [
  ['xfs', 0, 'XFSB'],
  ['ext4', 1024 + 0x38, '\x53\xef'],
  ['btrfs', 0x10040, '_BHRfS_M'],
  ['LUKS', 0, 'LUKS\xba\xbe'],
  ['LVM', 512 + 24, 'LVM2 001'],
  ['bcachefs', 4096 + 24, '\xc6\x85\x73\xf6'],
  ['swap', 4086, 'SWAPSPACE2'],
  ['FAT', 0x52, 'FAT32'],
  ['FAT', 0x36, 'FAT1'],
  ['NTFS', 3, 'NTFS    '],
]

/**
 * @param head the disk's first `contentsHeadBytes`
 * @see UEFI 2.10, chapter 5; blkid(8) for the magic numbers
 */
export function findContents(head: Buffer): DiskContents {
  const has = (at: number, magic: string) => head.toString('latin1', at, at + magic.length) === magic
  const fileSystem = signatures.find(([, at, magic]) => has(at, magic))?.[0]
  // Logical blocks of 512 bytes, or of 4096.
  const gptAt = [512, 4096].find((at) => has(at, 'EFI PART'))
  if (gptAt !== undefined) return { table: 'gpt', partitions: gptPartitions(head, gptAt) }
  const dos = fileSystem === undefined && has(510, '\x55\xaa') ? dosPartitions(head) : 0
  return {
    ...(dos > 0 ? { table: 'dos' } : {}),
    partitions: dos,
    ...(fileSystem === undefined ? {} : { fileSystem }),
  }
}

function gptPartitions(head: Buffer, at: number): number {
  const start = Number(head.readBigUInt64LE(at + 72)) * at
  const count = head.readUInt32LE(at + 80)
  const size = head.readUInt32LE(at + 84)
  if (size < 128 || size > 4096) return 0
  let used = 0
  for (let i = 0; i < Math.min(count, 128); i++) {
    const entry = head.subarray(start + i * size, start + i * size + 16)
    if (entry.some((byte) => byte !== 0)) used++
  }
  return used
}

function dosPartitions(head: Buffer): number {
  return [0, 1, 2, 3].filter((i) => head[446 + i * 16 + 4] !== 0).length
}
