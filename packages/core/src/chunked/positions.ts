import type { Digest } from '../interfaces/common.js'
import { isDigest } from '../oci/index.js'
import type { Descriptor } from '../oci/types.js'

const prefix = 'io.github.containers.zstd-chunked.'
/** Of either document, compressed and not, in bytes. @see transport.md §10 in the format documents */
const maxTocBytes = 150 * 1024 * 1024

/** A document inside of a blob. */
export interface Position {
  readonly offset: number
  readonly compressedBytes: number
  readonly bytes: number
}

export interface ChunkedPositions {
  readonly toc: Position
  /** Of the table of contents as it lies there. */
  readonly tocDigest: Digest
  readonly tarSplit: Position
}

/**
 * Where a zstd:chunked layer says that its table of contents is; undefined for other layers, and for those without what
 * it takes to make the tar again.
 */
export function chunkedPositions({ annotations, size }: Descriptor): ChunkedPositions | undefined {
  const toc = parsePosition(annotations?.[`${prefix}manifest-position`], size, /^1$/)
  const tarSplit = parsePosition(annotations?.[`${prefix}tarsplit-position`], size)
  const tocDigest = annotations?.[`${prefix}manifest-checksum`]
  if (toc === undefined || tarSplit === undefined || !isDigest(tocDigest)) return undefined
  return { toc, tocDigest, tarSplit }
}

function parsePosition(text: string | undefined, blobBytes: number, kind?: RegExp): Position | undefined {
  const [offset, compressedBytes, bytes, type, ...more] = (text ?? '').split(':')
  if (more.length > 0 || (kind === undefined ? type !== undefined : !kind.test(type ?? ''))) return undefined
  const numbers = [offset, compressedBytes, bytes].map((part) =>
    /^\d{1,15}$/.test(part ?? '') ? Number(part) : -1,
  )
  const [start, length, plain] = numbers as [number, number, number]
  if (Math.min(...numbers) < 0 || start + length > blobBytes) return undefined
  if (Math.max(length, plain) > maxTocBytes) return undefined
  return { offset: start, compressedBytes: length, bytes: plain }
}
