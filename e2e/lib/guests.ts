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
}

export function nameOf({ store, loader, firmware = 'uefi', uki = false }: BootPath): string {
  return [store, loader, firmware === 'uefi' ? '' : firmware, uki ? 'uki' : ''].filter(Boolean).join('-')
}
