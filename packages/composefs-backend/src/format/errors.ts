import { BootcError } from '@bootc-sdk/core'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** An EROFS image that is not one of ours, truncated, or lies. `offset` in bytes where known. */
    STORE_COMPOSEFS_BAD_IMAGE: { reason: string; offset?: number; path?: string }
    /** A tree that no image can hold: names, sizes, attributes, file types. */
    STORE_COMPOSEFS_INVALID: { what: string; reason: string }
    /** A line of dump text; `line` counts from 1. */
    STORE_COMPOSEFS_BAD_DUMP: { line: number; reason: string }
    STORE_COMPOSEFS_BAD_STREAM: { stream: string; reason: string }
    /** meta.json that is damaged or asks for what is not built in. */
    STORE_COMPOSEFS_BAD_META: { reason: string }
    STORE_COMPOSEFS_NOT_A_REPO: { reason: string }
    STORE_COMPOSEFS_ALGORITHM: { repository: string; wanted: string }
    STORE_COMPOSEFS_READ_ONLY: { reason: string }
    STORE_COMPOSEFS_NO_OBJECT: { object: string }
    /** An object whose bytes are not what its name says. */
    STORE_COMPOSEFS_CORRUPT: { object: string; reason: string }
    /** The repository, or the caller, demands fs-verity and it is not in force. */
    STORE_COMPOSEFS_VERITY: { what: string; reason: string }
    STORE_COMPOSEFS_NO_IMAGE: { image: string }
    STORE_COMPOSEFS_NO_STREAM: { stream: string }
    STORE_COMPOSEFS_BROKEN_REF: { ref: string; reason: string }
    STORE_COMPOSEFS_LOCKED: { path: string; timeoutMs: number }
    STORE_COMPOSEFS_TRANSACTION_DONE: Record<string, never>
    /** An image layer that cannot become a part of a root file system. */
    STORE_COMPOSEFS_BAD_LAYER: { diffId: string; path: string; reason: string }
    /** A root file system that lacks what booting needs (/usr, /boot, /sysroot, kernel). */
    STORE_COMPOSEFS_NOT_BOOTABLE: { reason: string }
    /** A sealed image or UKI was made for another root than ours; `diff` has one line a difference. */
    STORE_COMPOSEFS_SEAL_MISMATCH: { expected: string; actual: string; diff?: readonly string[] }
  }
}

export type FormatErrorCode = Extract<
  keyof import('@bootc-sdk/core').ErrorDetails,
  `STORE_COMPOSEFS_${string}`
>

export function badImage(reason: string, at: { offset?: number; path?: string } = {}): BootcError {
  return new BootcError('STORE_COMPOSEFS_BAD_IMAGE', `not a valid composefs image: ${reason}`, {
    details: { reason, ...at },
  })
}

export function invalidTree(what: string, reason: string): BootcError {
  return new BootcError('STORE_COMPOSEFS_INVALID', `${what}: ${reason}`, { details: { what, reason } })
}

export function badDump(line: number, reason: string): BootcError {
  return new BootcError('STORE_COMPOSEFS_BAD_DUMP', `dump line ${line}: ${reason}`, {
    details: { line, reason },
  })
}

export function badStream(stream: string, reason: string): BootcError {
  return new BootcError('STORE_COMPOSEFS_BAD_STREAM', `splitstream ${stream}: ${reason}`, {
    details: { stream, reason },
  })
}
