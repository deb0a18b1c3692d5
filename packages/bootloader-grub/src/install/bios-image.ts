import { BootcError } from '@bootc-sdk/core'

const sectorBytes = 512
/** Of boot.img that goes to the first sector: the table of partitions and the disk's signature follow. */
export const bootCodeBytes = 440

/** Offsets in boot.img. @see GRUB 2.12 include/grub/i386/pc/boot.h */
const kernelSectorAt = 0x5c
const bootDriveAt = 0x64
const driveCheckAt = 0x66
/** Last block list of diskboot.img, which is the first sector of core.img: u64 start, u16 count, u16 segment. */
const blockListAt = sectorBytes - 12
/** Where the second sector of core.img is loaded to, as a real-mode segment. */
const loadSegment = 0x820
/** Offset of the count of bytes for error correction, in the second sector. @see include/grub/offsets.h */
const redundancyAt = sectorBytes + 0x10

export interface BiosImage {
  /** 440 bytes. */
  readonly bootCode: Buffer
  /** For the start of the BIOS boot partition; whole sectors. */
  readonly core: Buffer
}

/**
 * Boot code and core image for a BIOS boot partition, with the addresses that grub-bios-setup puts in: the core lies
 * in one piece, so its first sector names one run of sectors. No codes for error correction are added: they are for
 * gaps that copy protection writes into, which a partition is not.
 *
 * @param startBytes of the partition on its disk
 * @throws BootcError `BOOT_LOADER_INVALID`, `BOOT_NO_SPACE`
 * @see GRUB 2.12 util/setup.c
 */
export function biosImage(
  bootImage: Uint8Array,
  coreImage: Uint8Array,
  { startBytes, sizeBytes }: { readonly startBytes: number; readonly sizeBytes: number },
): BiosImage {
  const sectors = Math.ceil(coreImage.length / sectorBytes)
  if (bootImage.length !== sectorBytes || Buffer.from(bootImage).readUInt16LE(510) !== 0xaa55) {
    throw invalid('boot.img is not a boot sector')
  }
  if (sectors < 2 || sectors > 0xffff || startBytes % sectorBytes !== 0) {
    throw invalid(`core.img of ${coreImage.length} bytes cannot be started from byte ${startBytes}`)
  }
  const needBytes = sectors * sectorBytes
  if (needBytes > sizeBytes) {
    throw new BootcError('BOOT_NO_SPACE', `BIOS boot partition needs ${needBytes} bytes, has ${sizeBytes}`, {
      details: { needBytes, freeBytes: sizeBytes, volume: 'bios-boot' },
    })
  }
  const first = BigInt(startBytes / sectorBytes)
  const boot = Buffer.from(bootImage)
  boot.writeBigUInt64LE(first, kernelSectorAt)
  // The drive that the BIOS names.
  boot[bootDriveAt] = 0xff
  // Two instructions that do nothing, in place of a jump around the work-around for BIOSes that name a floppy.
  boot.fill(0x90, driveCheckAt, driveCheckAt + 2)

  const core = Buffer.alloc(needBytes)
  core.set(coreImage)
  core.fill(0, blockListAt - 12, sectorBytes)
  core.writeBigUInt64LE(first + 1n, blockListAt)
  core.writeUInt16LE(sectors - 1, blockListAt + 8)
  core.writeUInt16LE(loadSegment, blockListAt + 10)
  core.writeUInt32LE(0, redundancyAt)
  return { bootCode: boot.subarray(0, bootCodeBytes), core }
}

function invalid(message: string): BootcError {
  return new BootcError('BOOT_LOADER_INVALID', `GRUB cannot be installed: ${message}`)
}
