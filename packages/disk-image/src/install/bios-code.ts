import type { BiosTarget, InstallResult } from '@bootc-sdk/core'
import { unsupportedDisk } from '../errors.js'
import type { DiskPlan, DiskRequest } from '../plan/plan-disk.js'

/** What a loader writes for BIOS while there is no disk yet. */
export interface BiosCode {
  target?: BiosTarget
  code?: { bootSector: Uint8Array; core: Uint8Array }
}

/** Boot code is kept until the disk is packed. */
export function biosTarget({ partitions }: DiskPlan): BiosCode {
  const partition = partitions.find(({ role }) => role === 'bios-boot')
  if (partition === undefined) return {}
  const found: BiosCode = {}
  const { startBytes, sizeBytes } = partition
  found.target = {
    startBytes,
    sizeBytes,
    write(bootCode, core) {
      found.code = { bootSector: Uint8Array.from(bootCode), core: Uint8Array.from(core) }
      return Promise.resolve()
    },
  }
  return found
}

/** A disk that a BIOS finds nothing on would only say so when it is started. */
export function checkBiosCode(
  { bootMode }: DiskRequest,
  { bootloader }: InstallResult,
  bios: BiosCode,
): void {
  if (bootMode === 'uefi' || bios.target === undefined || bios.code !== undefined) return
  throw unsupportedDisk(`boot mode ${bootMode}`, `loader ${bootloader} put nothing there that a BIOS starts`)
}
