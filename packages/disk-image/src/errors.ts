import { BootcError } from '@bootc-sdk/core'

declare module '@bootc-sdk/core' {
  interface ErrorDetails {
    /** A disk that was asked for and that cannot be: contradictory or malformed wishes. */
    SYSROOT_DISK_INVALID: { what: string; reason: string }
    SYSROOT_DISK_TOO_SMALL: { what: string; needBytes: number; haveBytes: number }
    /** What firmware, file system or tools of this kind cannot do, or we not yet. */
    SYSROOT_DISK_UNSUPPORTED: { what: string; reason: string }
    /** A file that the chosen file system cannot hold. */
    SYSROOT_DISK_CONTENT: { path: string; reason: string }
    /** A record of owners that was damaged or is none; `line` counts from 1. */
    SYSROOT_OWNERS_INVALID: { line: number; reason: string }
    /** `key` is the path in the file, as `customizations.user[0].name`. */
    SYSROOT_CUSTOMIZATION_INVALID: { key: string; reason: string }
    HOST_TOOL_MISSING: { tool: string; debian: string; fedora: string }
    HOST_TOOL_FAILED: { tool: string; exitCode: number; stderr: string }
  }
}

export function invalidDisk(what: string, reason: string): BootcError {
  return new BootcError('SYSROOT_DISK_INVALID', `${what}: ${reason}`, { details: { what, reason } })
}

export function unsupportedDisk(what: string, reason: string): BootcError {
  return new BootcError('SYSROOT_DISK_UNSUPPORTED', `${what}: ${reason}`, { details: { what, reason } })
}

export function tooSmall(what: string, needBytes: number, haveBytes: number): BootcError {
  return new BootcError('SYSROOT_DISK_TOO_SMALL', `${what} needs ${needBytes} bytes, has ${haveBytes}`, {
    details: { what, needBytes, haveBytes },
  })
}

export function badContent(path: string, reason: string): BootcError {
  return new BootcError('SYSROOT_DISK_CONTENT', `${JSON.stringify(path)} ${reason}`, {
    details: { path, reason },
  })
}

export function badOwners(line: number, reason: string): BootcError {
  return new BootcError('SYSROOT_OWNERS_INVALID', `record of owners, line ${line}: ${reason}`, {
    details: { line, reason },
  })
}

export function badCustomization(key: string, reason: string): BootcError {
  return new BootcError('SYSROOT_CUSTOMIZATION_INVALID', `${key}: ${reason}`, { details: { key, reason } })
}
