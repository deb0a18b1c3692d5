import { BootcError } from '@bootc-sdk/core'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** A kernel image in PE format that is damaged or lacks a section. */
    BOOT_UKI_INVALID: { reason: string }
  }
}

export function badUki(reason: string): BootcError {
  return new BootcError('BOOT_UKI_INVALID', `unified kernel image: ${reason}`, { details: { reason } })
}
