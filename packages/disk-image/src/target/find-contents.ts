import { crc32 } from 'node:zlib'

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
  if (gptAt(head) !== undefined) return { table: 'gpt', partitions: readGptEntries(head).length }
  const dos = fileSystem === undefined && has(510, '\x55\xaa') ? dosPartitions(head) : 0
  return {
    ...(dos > 0 ? { table: 'dos' } : {}),
    partitions: dos,
    ...(fileSystem === undefined ? {} : { fileSystem }),
  }
}

export interface GptEntry {
  /** GUID as it is on disk. */
  readonly type: Buffer
  readonly startBytes: number
  readonly sizeBytes: number
}

/** Entries in use of the first table, unchecked: for those who look, not for those who rely on it. */
export function readGptEntries(head: Buffer): GptEntry[] {
  const block = gptAt(head)
  if (block === undefined) return []
  const start = Number(head.readBigUInt64LE(block + 72)) * block
  const count = Math.min(head.readUInt32LE(block + 80), 128)
  const size = head.readUInt32LE(block + 84)
  const entries: GptEntry[] = []
  for (let at = start; size >= 128 && at < start + count * size && at + 128 <= head.length; at += size) {
    const type = head.subarray(at, at + 16)
    if (type.every((byte) => byte === 0)) continue
    const [first, last] = [head.readBigUInt64LE(at + 32), head.readBigUInt64LE(at + 40)]
    const sizeBytes = (Number(last) - Number(first) + 1) * block
    entries.push({ type, startBytes: Number(first) * block, sizeBytes })
  }
  return entries
}

/**
 * The same for those who write where an entry says: nothing when a checksum is wrong, and no entry that reaches into a table.
 *
 * @see UEFI 2.10, section 5.3.2
 */
export function readSoundGptEntries(head: Buffer): GptEntry[] {
  const block = gptAt(head)
  if (block === undefined) return []
  const headerBytes = head.readUInt32LE(block + 12)
  const header = Buffer.from(head.subarray(block, block + Math.max(92, Math.min(headerBytes, block))))
  header.writeUInt32LE(0, 16)
  const start = Number(head.readBigUInt64LE(block + 72)) * block
  const bytes = head.readUInt32LE(block + 80) * head.readUInt32LE(block + 84)
  const isSound =
    header.length === headerBytes &&
    head.readUInt32LE(block + 16) === crc32(header) &&
    start + bytes <= head.length &&
    head.readUInt32LE(block + 88) === crc32(head.subarray(start, start + bytes))
  if (!isSound) return []
  const [first, last] = [head.readBigUInt64LE(block + 40), head.readBigUInt64LE(block + 48)]
  const [from, to] = [Number(first) * block, (Number(last) + 1) * block]
  return readGptEntries(head).filter(
    ({ startBytes, sizeBytes }) => startBytes >= from && sizeBytes > 0 && startBytes + sizeBytes <= to,
  )
}

/** Where the header is: logical blocks have 512 bytes, or 4096. */
function gptAt(head: Buffer): number | undefined {
  return [512, 4096].find((at) => head.toString('latin1', at, at + 8) === 'EFI PART')
}

function dosPartitions(head: Buffer): number {
  return [0, 1, 2, 3].filter((i) => head[446 + i * 16 + 4] !== 0).length
}
