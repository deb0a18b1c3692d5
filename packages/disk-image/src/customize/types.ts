import type { Warning } from '@bootc-sdk/core'

export interface UserCustomization {
  readonly name: string
  /** As crypt(5) makes them; never plain text. Empty string: none is asked for. */
  readonly passwordHash?: string
  readonly keys: readonly string[]
  readonly groups: readonly string[]
  readonly uid?: number
  readonly gid?: number
  readonly home?: string
  readonly shell?: string
  readonly description?: string
}

export interface GroupCustomization {
  readonly name: string
  readonly gid?: number
}

export interface PathCustomization {
  /** Below /etc or /var, without the first slash. */
  readonly path: string
  /** 0o7777 */
  readonly mode?: number
  /** Name or number. */
  readonly user?: string | number
  readonly group?: string | number
}

export interface FileCustomization extends PathCustomization {
  readonly data: string
}

export interface DirectoryCustomization extends PathCustomization {
  readonly ensureParents: boolean
}

/** What a configuration asks for, in the order of the file. */
export interface Customizations {
  readonly users: readonly UserCustomization[]
  readonly groups: readonly GroupCustomization[]
  readonly hostname?: string
  readonly files: readonly FileCustomization[]
  readonly directories: readonly DirectoryCustomization[]
  /** To add to those of the image; may be several words. */
  readonly kernelArguments?: string
  /** Least size of the root file system, in bytes. */
  readonly rootMinBytes?: number
  /** Least size of a /boot of its own, in bytes. */
  readonly bootMinBytes?: number
  /** Other file systems of their own, with their least sizes in bytes. */
  readonly filesystems?: readonly { readonly mountPoint: string; readonly minBytes: number }[]
  /** Keys that mean nothing here, and were left out. */
  readonly warnings: readonly Warning[]
}
