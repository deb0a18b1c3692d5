import { decodeName } from '../names/index.js'
import { tarCorrupt, tarLimit, tarUnsupported } from './errors.js'
import {
  blockBytes,
  checkHeader,
  entryType,
  readHeader,
  readHeaderLinkName,
  readHeaderName,
} from './header.js'
import type { RawHeader } from './header.js'
import { parsePaxRecords, paxNumber } from './pax.js'
import { defaultTarLimits } from './types.js'
import type { TarEntry, TarEntryType, TarHandler, TarOptions } from './types.js'

/** Push bytes in, calls come out at once; nothing is copied but headers that span two chunks. */
export interface TarParser {
  /** Bytes after the end marker are ignored, but given to `raw`. @throws what the handler throws, and `IMAGE_TAR_*` */
  push(chunk: Uint8Array): void
  /**
   * The data of the member in hand, none of it pushed yet, is kept elsewhere: the handler gets `end` without
   * `data`, and the next byte to push is the one behind it.
   *
   * @returns bytes passed over
   * @throws BootcError `IMAGE_TAR_CORRUPT` when no data starts here
   */
  skipData(): number
  /** No more bytes come. @throws BootcError `IMAGE_TAR_CORRUPT` for a truncated archive */
  end(): void
  /** The end marker was seen: what follows no longer matters. */
  readonly finished: boolean
}

const noRecords: ReadonlyMap<string, Uint8Array> = new Map()

const longName = 0x4c // L
const longLink = 0x4b // K
const paxHeader = 0x78 // x
const paxGlobalHeader = 0x67 // g
const gnuSparse = 0x53 // S

/**
 * Parse V7, ustar, GNU and PAX archives.
 *
 * Sparse files are refused, and so are links, directories and devices with data (readers disagree about where
 * their data ends).
 *
 * @throws BootcError (from `push` and `end`) `IMAGE_TAR_CORRUPT`, `IMAGE_TAR_UNSUPPORTED`, `IMAGE_TAR_LIMIT`
 */
export function createTarParser(handler: TarHandler, options: TarOptions = {}): TarParser {
  return new Parser(handler, options)
}

/** What the bytes at the current position are. */
const enum State {
  Header,
  /** Data of a member, delivered. */
  Data,
  /** Data of a long name or PAX header, collected. */
  Meta,
  Padding,
  Finished,
}

class Parser implements TarParser {
  readonly #handler: TarHandler
  readonly #limits: Required<Omit<TarOptions, 'paxGlobal' | 'strictEnd'>>
  readonly #paxGlobal: 'entry' | 'apply' | 'refuse'
  readonly #strictEnd: boolean

  #state = State.Header
  /** Bytes of the archive before the chunk in hand. */
  #base = 0
  /** Bytes still to come of data or padding. */
  #left = 0
  #padding = 0
  /** Bytes of data of the member in hand. */
  #dataBytes = 0
  #entries = 0
  /** A header that spans chunks. */
  readonly #block = new Uint8Array(blockBytes)
  #blockUsed = 0
  #meta = new Uint8Array(0)
  #metaFlag = 0
  #metaOffset = 0
  // What the next member gets from entries before it.
  #name: string | undefined
  #link: string | undefined
  #pax: ReadonlyMap<string, Uint8Array> | undefined
  #globals: ReadonlyMap<string, Uint8Array> = noRecords

  constructor(handler: TarHandler, options: TarOptions) {
    this.#handler = handler
    this.#limits = { ...defaultTarLimits, ...options }
    this.#paxGlobal = options.paxGlobal ?? 'entry'
    this.#strictEnd = options.strictEnd ?? false
  }

  get finished(): boolean {
    return this.#state === State.Finished
  }

  push(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && this.#state !== State.Finished) {
      switch (this.#state) {
        case State.Header:
          at = this.#takeHeader(chunk, at)
          break
        case State.Data:
          at = this.#takeData(chunk, at)
          break
        case State.Meta:
          at = this.#takeMeta(chunk, at)
          break
        case State.Padding: {
          const step = Math.min(this.#left, chunk.length - at)
          this.#handler.raw?.(chunk.subarray(at, at + step))
          this.#left -= step
          at += step
          if (this.#left === 0) this.#state = State.Header
          break
        }
      }
    }
    if (at < chunk.length) this.#handler.raw?.(chunk.subarray(at))
    this.#base += chunk.length
  }

  skipData(): number {
    const sizeBytes = this.#dataBytes
    if (this.#state !== State.Data || this.#left !== sizeBytes) {
      throw tarCorrupt('no data of a member starts here', this.#base)
    }
    this.#base += sizeBytes
    this.#afterData()
    this.#handler.end()
    return sizeBytes
  }

  end(): void {
    if (this.#state === State.Finished) return
    if (this.#state !== State.Header || this.#blockUsed > 0)
      throw tarCorrupt('archive is truncated', this.#base)
    if (this.#hasPending()) throw tarCorrupt('archive ends after an extended header', this.#base)
    if (this.#strictEnd) throw tarCorrupt('archive has no end marker', this.#base)
    this.#state = State.Finished
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    if (this.#blockUsed === 0 && chunk.length - at >= blockBytes) {
      this.#handler.raw?.(chunk.subarray(at, at + blockBytes))
      this.#header(chunk, at, this.#base + at)
      return at + blockBytes
    }
    const step = Math.min(blockBytes - this.#blockUsed, chunk.length - at)
    this.#block.set(chunk.subarray(at, at + step), this.#blockUsed)
    this.#blockUsed += step
    if (this.#blockUsed === blockBytes) {
      this.#blockUsed = 0
      this.#handler.raw?.(this.#block)
      this.#header(this.#block, 0, this.#base + at + step - blockBytes)
    }
    return at + step
  }

  #takeData(chunk: Uint8Array, at: number): number {
    const end = Math.min(at + this.#left, chunk.length)
    this.#left -= end - at
    this.#handler.data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end))
    if (this.#left === 0) {
      this.#afterData()
      this.#handler.end()
    }
    return end
  }

  #takeMeta(chunk: Uint8Array, at: number): number {
    const end = Math.min(at + this.#left, chunk.length)
    const bytes = chunk.subarray(at, end)
    this.#handler.raw?.(bytes)
    this.#meta.set(bytes, this.#meta.length - this.#left)
    this.#left -= end - at
    if (this.#left === 0) {
      this.#afterData()
      this.#metaComplete()
    }
    return end
  }

  #afterData(): void {
    this.#left = this.#padding
    this.#state = this.#padding > 0 ? State.Padding : State.Header
  }

  #header(bytes: Uint8Array, at: number, offset: number): void {
    if (!checkHeader(bytes, at, offset)) {
      if (this.#hasPending()) throw tarCorrupt('archive ends after an extended header', offset)
      this.#state = State.Finished
      return
    }
    if (++this.#entries > this.#limits.maxEntries) throw tarLimit('entries', this.#limits.maxEntries, offset)
    const raw = readHeader(bytes, at, offset)
    switch (raw.typeFlag) {
      case longName:
      case longLink:
        // The text ends with a NUL.
        return this.#startMeta(raw, offset, 'name', this.#limits.maxNameBytes + 1)
      case paxHeader:
        return this.#startMeta(raw, offset, 'PAX header', this.#limits.maxPaxBytes)
      case paxGlobalHeader:
        if (this.#paxGlobal === 'refuse') throw tarUnsupported('global PAX header', offset)
        if (this.#paxGlobal === 'apply')
          return this.#startMeta(raw, offset, 'PAX header', this.#limits.maxPaxBytes)
        break
      case gnuSparse:
        throw tarUnsupported('sparse file', offset)
    }
    this.#member(raw, bytes, at, offset)
  }

  #startMeta(raw: RawHeader, offset: number, what: string, limit: number): void {
    if (raw.sizeBytes > limit) throw tarLimit(what, limit, offset)
    this.#meta = new Uint8Array(raw.sizeBytes)
    this.#metaFlag = raw.typeFlag
    this.#metaOffset = offset + blockBytes
    this.#startData(raw.sizeBytes, State.Meta, offset)
    if (raw.sizeBytes === 0) this.#metaComplete()
  }

  #startData(sizeBytes: number, state: State, offset: number): void {
    const { maxTotalBytes } = this.#limits
    if (offset + blockBytes + sizeBytes > maxTotalBytes) throw tarLimit('archive', maxTotalBytes, offset)
    this.#left = this.#dataBytes = sizeBytes
    this.#padding = (blockBytes - (sizeBytes % blockBytes)) % blockBytes
    this.#state = sizeBytes > 0 ? state : State.Header
  }

  #metaComplete(): void {
    const data = this.#meta
    const offset = this.#metaOffset
    switch (this.#metaFlag) {
      case longName:
        if (this.#name !== undefined) throw tarCorrupt('two long names for one member', offset)
        this.#name = untilNul(data)
        break
      case longLink:
        if (this.#link !== undefined) throw tarCorrupt('two long link names for one member', offset)
        this.#link = untilNul(data)
        break
      case paxHeader:
        if (this.#pax !== undefined) throw tarCorrupt('two PAX headers for one member', offset)
        this.#pax = parsePaxRecords(data, offset, this.#limits.maxXattrBytes)
        break
      default:
        this.#globals = new Map([
          ...this.#globals,
          ...parsePaxRecords(data, offset, this.#limits.maxXattrBytes),
        ])
    }
    this.#meta = new Uint8Array(0)
  }

  #member(raw: RawHeader, bytes: Uint8Array, at: number, offset: number): void {
    const pax = this.#records()
    const isPlain = pax === noRecords
    const sizeBytes = isPlain ? raw.sizeBytes : overridden(pax, 'size', raw.sizeBytes, offset)
    const name = this.#name ?? decoded(pax, 'path') ?? readHeaderName(bytes, at)
    const linkName = this.#link ?? decoded(pax, 'linkpath') ?? readHeaderLinkName(bytes, at)
    const type = raw.typeFlag === paxGlobalHeader ? 'paxGlobal' : typeOf(raw.typeFlag, name, sizeBytes)
    this.#checkName(name, offset)
    this.#checkName(linkName, offset)
    if (sizeBytes > 0 && type !== 'file' && type !== 'other' && type !== 'paxGlobal') {
      throw tarUnsupported(`${type} ${JSON.stringify(name)} has ${sizeBytes} bytes of data`, offset)
    }
    const entry: TarEntry = {
      name,
      linkName,
      type,
      typeFlag: raw.typeFlag,
      mode: raw.mode,
      uid: isPlain ? raw.uid : overridden(pax, 'uid', raw.uid, offset),
      gid: isPlain ? raw.gid : overridden(pax, 'gid', raw.gid, offset),
      sizeBytes,
      mtime: isPlain ? raw.mtime : overridden(pax, 'mtime', raw.mtime, offset),
      headerMtime: raw.mtime,
      devMajor: raw.devMajor,
      devMinor: raw.devMinor,
      pax,
      dataOffset: offset + blockBytes,
    }
    this.#name = this.#link = this.#pax = undefined
    this.#startData(sizeBytes, State.Data, offset)
    this.#handler.entry(entry)
    if (sizeBytes === 0) this.#handler.end()
  }

  #records(): ReadonlyMap<string, Uint8Array> {
    if (this.#globals.size === 0) return this.#pax ?? noRecords
    return this.#pax === undefined ? this.#globals : new Map([...this.#globals, ...this.#pax])
  }

  #checkName(name: string, offset: number): void {
    const { maxNameBytes, maxDepth } = this.#limits
    // A UTF-16 unit is at most three bytes, and a component has at least one unit and a slash.
    if (name.length * 3 > maxNameBytes && Buffer.byteLength(name) > maxNameBytes) {
      throw tarLimit('name', maxNameBytes, offset)
    }
    if (name.length > maxDepth && name.split('/').filter((part) => part !== '').length > maxDepth) {
      throw tarLimit('path depth', maxDepth, offset)
    }
  }

  #hasPending(): boolean {
    return this.#name !== undefined || this.#link !== undefined || this.#pax !== undefined
  }
}

/**
 * Before ustar, and in libarchive to this day, a file whose name ends with a slash is a directory. One with
 * data cannot be, and image tools keep it as a file.
 */
function typeOf(typeFlag: number, name: string, sizeBytes: number): TarEntryType {
  const type = entryType(typeFlag)
  return type === 'file' && sizeBytes === 0 && name.endsWith('/') ? 'directory' : type
}

function untilNul(data: Uint8Array): string {
  const nul = data.indexOf(0)
  return decodeName(nul < 0 ? data : data.subarray(0, nul))
}

function decoded(pax: ReadonlyMap<string, Uint8Array>, key: string): string | undefined {
  const value = pax.get(key)
  return value === undefined ? undefined : decodeName(value)
}

function overridden(
  pax: ReadonlyMap<string, Uint8Array>,
  key: string,
  fallback: number,
  offset: number,
): number {
  const value = pax.get(key)
  return value === undefined ? fallback : paxNumber(value, key, offset)
}
