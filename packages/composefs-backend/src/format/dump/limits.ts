/** Whose dumps and images: mkcomposefs and composefs-info 1.0.8 (`c`), or composefs-rs 0.7.0 (`rs`). */
export type Flavor = 'c' | 'rs'

/** What a dump may hold, in bytes. */
export interface DumpLimits {
  readonly path: number
  readonly content: number
  readonly symlink: number
  /** Escaped text of all attributes of a line. */
  readonly xattrText: number
  /** Names, values, 7 for each attribute, and 12. */
  readonly xattrSum: number
  /** A hard link may stand before the line of its target. */
  readonly forwardLinks: boolean
}

export const NAME_MAX = 255
export const XATTR_VALUE_MAX = 65535

/** Longer lines are refused before they are buffered; the longest sensible one is a quarter of this. */
export const LINE_MAX = 4 * 1024 * 1024

export const dumpLimits: Readonly<Record<Flavor, DumpLimits>> = {
  c: {
    path: Infinity,
    content: 5000,
    symlink: 4095,
    xattrText: 65535,
    xattrSum: 32767,
    forwardLinks: true,
  },
  rs: {
    path: 4096,
    content: 512,
    symlink: 1024,
    xattrText: Infinity,
    xattrSum: Infinity,
    forwardLinks: false,
  },
}
