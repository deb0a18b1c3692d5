import { createHash } from 'node:crypto'

/**
 * A UUID that depends on nothing but its seed, shaped as version 8 (of one's own making).
 *
 * @see RFC 9562 section 5.8
 */
export function seedUuid(seed: string, purpose: string): string {
  const bytes = digestOf(seed, purpose).subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** A serial number of a FAT file system, as blkid and GRUB spell it: `1A2B-3C4D`. */
export function seedVolumeId(seed: string, purpose: string): string {
  const hex = digestOf(seed, purpose).toString('hex', 0, 4).toUpperCase()
  return `${hex.slice(0, 4)}-${hex.slice(4)}`
}

function digestOf(seed: string, purpose: string): Buffer {
  return createHash('sha256').update(`bootc-sdk disk\0${purpose}\0${seed}`).digest()
}
