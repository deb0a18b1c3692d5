/** `hardlink` entries hold no data of their own; `other` covers type flags that no standard reader unpacks. */
export type TarEntryType =
  'file' | 'directory' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'paxGlobal' | 'other'

/** One member of an archive. Names are decoded with `decodeName`, otherwise as written (`./usr/`, `/etc/x`). */
export interface TarEntry {
  /** GNU long name, else the first PAX `path`, else the header's. */
  readonly name: string
  /** Target of symbolic and hard links, same precedence; `''` otherwise. */
  readonly linkName: string
  readonly type: TarEntryType
  /** Byte of the header: 0x30 for `0`. */
  readonly typeFlag: number
  /** Permission bits, 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of data that follow. */
  readonly sizeBytes: number
  /** Seconds since the epoch; PAX `mtime` with its fraction when there is one. */
  readonly mtime: number
  /** The header's own, whole seconds. */
  readonly headerMtime: number
  readonly devMajor: number
  readonly devMinor: number
  /** Records of the PAX header (and of global ones when `paxGlobal` is `apply`); values are bytes. */
  readonly pax: ReadonlyMap<string, Uint8Array>
  /** Where the data starts, in bytes from the start of the archive. */
  readonly dataOffset: number
}

/** Called in archive order: `entry`, then `data` until `sizeBytes` bytes were given, then `end`. */
export interface TarHandler {
  entry(entry: TarEntry): void
  /** A view of the pushed chunk, valid during the call unless the chunk's owner says more. Never empty. */
  data(chunk: Uint8Array): void
  /** The entry is complete. Called for every entry, also for those without data. */
  end(): void
  /**
   * All bytes that `data` does not get, in archive order with the other calls: headers (before their `entry`),
   * extended headers with their data, padding, the end marker and whatever follows it. Valid as in `data`.
   * Together with `data` they are the archive, byte for byte.
   */
  raw?(bytes: Uint8Array): void
}

export interface TarOptions {
  /**
   * Global PAX headers: `entry` (default) delivers them as members of type `paxGlobal`, `apply` merges them
   * into following members as POSIX says, `refuse` throws `IMAGE_TAR_UNSUPPORTED`.
   */
  readonly paxGlobal?: 'entry' | 'apply' | 'refuse'
  /** Require the end marker; by default the archive may also end on a block boundary. */
  readonly strictEnd?: boolean
  /** Longest name and link name. Default 4096 bytes. */
  readonly maxNameBytes?: number
  /** Components of a name. Default 255. */
  readonly maxDepth?: number
  /** One PAX header. Default 1 MiB. */
  readonly maxPaxBytes?: number
  /** Value of one extended attribute. Default 64 KiB. */
  readonly maxXattrBytes?: number
  /** Default 4 million. */
  readonly maxEntries?: number
  /** Whole archive, headers included. Default 64 GiB. */
  readonly maxTotalBytes?: number
}

export const defaultTarLimits = {
  maxNameBytes: 4096,
  maxDepth: 255,
  maxPaxBytes: 1 << 20,
  maxXattrBytes: 64 << 10,
  maxEntries: 4_000_000,
  maxTotalBytes: 64 * 1024 ** 3,
} as const
