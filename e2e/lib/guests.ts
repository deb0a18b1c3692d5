import { missing } from './tools.js'
import { guestsWanted } from './wanted.js'

/** Why tests with machines cannot run here, or undefined. */
export function noGuests(...programs: string[]): string | undefined {
  if (guestsWanted() === 'none') return 'E2E_GUESTS=0'
  return missing(
    ...[
      'qemu-system-x86_64',
      'docker-registry',
      'skopeo',
      'mmdebstrap',
      'jq',
      'mcopy',
      'mkfs.vfat',
      'debugfs',
    ],
    ...programs,
  )
}

/** How a disk is installed and started. */
export interface BootPath {
  readonly store: 'ostree' | 'composefs'
  readonly loader: 'grub' | 'systemd-boot'
  /** Default uefi. */
  readonly firmware?: 'uefi' | 'bios'
  /** Images are unified kernel images: their tags end with `-uki`. */
  readonly uki?: boolean
  /** What makes the initramfs; default dracut. Tags of other images end with the name. */
  readonly initramfs?: 'initramfs-tools'
  /** Partitions of their own for /var and the like, as `install to-image --partition` takes them. */
  readonly partitions?: readonly string[]
}

export function nameOf({ store, loader, firmware, uki = false, initramfs }: BootPath): string {
  return [store, loader, firmware === 'bios' ? firmware : '', uki ? 'uki' : '', initramfs]
    .filter(Boolean)
    .join('-')
}

/** The tag of a version of the Debian image, as make-image.sh calls it. */
export function tagOf({ uki = false, initramfs }: BootPath, version: string): string {
  return [version, uki ? 'uki' : '', initramfs].filter(Boolean).join('-')
}
