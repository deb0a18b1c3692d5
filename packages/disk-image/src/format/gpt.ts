import { crc32 } from 'node:zlib'
import { guidBytes } from './guid.js'

/** Logical block of every disk we make, in bytes. */
export const sectorBytes = 512

const entryBytes = 128
const entryCount = 128
const tableSectors = (entryBytes * entryCount) / sectorBytes

/** What the table takes at the start (with the protective MBR) and at the end of a disk. */
export const gptHeadBytes = (2 + tableSectors) * sectorBytes
export const gptTailBytes = (1 + tableSectors) * sectorBytes

export interface GptPartition {
  readonly typeUuid: string
  readonly uuid: string
  /** At most 36 UTF-16 units. */
  readonly name: string
  readonly startBytes: number
  readonly sizeBytes: number
  /** Bits of the attribute field, 0 to 63. */
  readonly attributeBits?: readonly number[]
}

export interface GptTable {
  readonly diskUuid: string
  readonly diskBytes: number
  readonly partitions: readonly GptPartition[]
  /** Boot sector code for BIOS, at most 440 bytes. */
  readonly bootCode?: Uint8Array
}

/**
 * A partition table: what stands at the start and what at the end of the disk.
 *
 * @returns `head` for offset 0, `tail` for offset `diskBytes - tail.length`
 * @throws TypeError for values that no table can hold; plans are checked before
 * @see UEFI 2.10, chapter 5
 */
export function writeGpt(table: GptTable): { readonly head: Buffer; readonly tail: Buffer } {
  const sectors = table.diskBytes / sectorBytes
  if (!Number.isSafeInteger(sectors) || sectors < 100) throw new TypeError('not a size of a disk')
  const entries = encodeEntries(table.partitions, sectors)
  const primary = encodeHeader(table, entries, { own: 1, other: sectors - 1, entries: 2, sectors })
  const backup = encodeHeader(table, entries, {
    own: sectors - 1,
    other: 1,
    entries: sectors - 1 - tableSectors,
    sectors,
  })
  return {
    head: Buffer.concat([protectiveMbr(sectors, table.bootCode), primary, entries]),
    tail: Buffer.concat([entries, backup]),
  }
}

function protectiveMbr(sectors: number, bootCode: Uint8Array = new Uint8Array()): Buffer {
  if (bootCode.length > 440) throw new TypeError('boot code is longer than 440 bytes')
  const mbr = Buffer.alloc(sectorBytes)
  mbr.set(bootCode)
  const entry = mbr.subarray(446)
  // Start 0/0/2, type 0xEE, end as far as cylinders count, then the same in sectors.
  entry.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff])
  entry.writeUInt32LE(1, 8)
  entry.writeUInt32LE(Math.min(sectors - 1, 0xffffffff), 12)
  mbr.writeUInt16LE(0xaa55, 510)
  return mbr
}

function encodeEntries(partitions: readonly GptPartition[], sectors: number): Buffer {
  if (partitions.length > entryCount) throw new TypeError(`more than ${entryCount} partitions`)
  const out = Buffer.alloc(entryBytes * entryCount)
  partitions.forEach((partition, index) => {
    const { startBytes, sizeBytes, name } = partition
    const first = startBytes / sectorBytes
    const last = (startBytes + sizeBytes) / sectorBytes - 1
    const fits = first >= 2 + tableSectors && last >= first && last < sectors - 1 - tableSectors
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last) || !fits) {
      throw new TypeError(`partition ${name} is not between the tables`)
    }
    if (name.length > 36) throw new TypeError(`name ${name} is longer than 36 characters`)
    const entry = out.subarray(index * entryBytes, (index + 1) * entryBytes)
    entry.set(guidBytes(partition.typeUuid), 0)
    entry.set(guidBytes(partition.uuid), 16)
    entry.writeBigUInt64LE(BigInt(first), 32)
    entry.writeBigUInt64LE(BigInt(last), 40)
    const bits = (partition.attributeBits ?? []).reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
    entry.writeBigUInt64LE(bits, 48)
    entry.write(name, 56, 'utf16le')
  })
  return out
}

function encodeHeader(
  table: GptTable,
  entries: Buffer,
  at: { own: number; other: number; entries: number; sectors: number },
): Buffer {
  const header = Buffer.alloc(sectorBytes)
  header.write('EFI PART', 0, 'latin1')
  header.writeUInt32LE(0x00010000, 8)
  header.writeUInt32LE(92, 12)
  header.writeBigUInt64LE(BigInt(at.own), 24)
  header.writeBigUInt64LE(BigInt(at.other), 32)
  header.writeBigUInt64LE(BigInt(2 + tableSectors), 40)
  header.writeBigUInt64LE(BigInt(at.sectors - 2 - tableSectors), 48)
  header.set(guidBytes(table.diskUuid), 56)
  header.writeBigUInt64LE(BigInt(at.entries), 72)
  header.writeUInt32LE(entryCount, 80)
  header.writeUInt32LE(entryBytes, 84)
  header.writeUInt32LE(crc32(entries), 88)
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16)
  return header
}
