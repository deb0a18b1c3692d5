import { BootcError } from '@bootc-sdk/core'
import type { BootEntry, BootPlan, BootSpec, BootVersion, OpOptions } from '@bootc-sdk/core'
import type { OwnFile } from './entries.js'

/** Two sets of entries, one of which boots: files of the Boot Loader Specification, or entries of `user.cfg`. */
export interface EntrySets {
  /** Of the active set, where sets have numbers. */
  version(): Promise<BootVersion | undefined>
  /** Entries of ours that boot, in boot order, each with the text that it is made of. */
  active(): Promise<readonly OwnFile[]>
  prepared(): Promise<readonly BootEntry[]>
  plan(specs: readonly BootSpec[], version: BootVersion): Promise<Pick<BootPlan, 'changed' | 'bytesNeeded'>>
  /** Text of the first entry for these specs; it names the entry that is on trial. */
  firstText(specs: readonly BootSpec[]): Promise<string>
  prepare(specs: readonly BootSpec[], version: BootVersion, options: OpOptions): Promise<void>
  /** @throws BootcError `BOOT_NOT_PREPARED` */
  assertPrepared(specs: readonly BootSpec[], version: BootVersion): Promise<void>
  /** The visible step: syncs before and after. */
  switchTo(specs: readonly BootSpec[], version: BootVersion): Promise<void>
  prune(keep: readonly BootEntry[]): Promise<void>
  /** What names an entry in GRUB's `next_entry`. */
  menuId(file: OwnFile): string
}

export function notPrepared(version: BootVersion): BootcError {
  return new BootcError('BOOT_NOT_PREPARED', `entries of boot version ${version} are not prepared`, {
    details: { version },
  })
}

/** @throws BootcError `BOOT_NO_SPACE` */
export function assertRoom(volume: 'boot' | 'esp', needBytes: number, freeBytes: number): void {
  if (needBytes <= freeBytes) return
  throw new BootcError('BOOT_NO_SPACE', `${volume} volume needs ${needBytes} bytes, has ${freeBytes}`, {
    details: { needBytes, freeBytes, volume },
  })
}
