import { BootcError } from '../errors.js'
import type { Digest } from '../interfaces/common.js'
import { isDigest } from '../oci/index.js'

/** Content of a regular file, as a table of contents has it. */
export interface TocFile {
  readonly sizeBytes: number
  /** Of the content. */
  readonly digest: Digest
  /** Frames of its content in the blob, in bytes; `end` exclusive. */
  readonly start: number
  readonly end: number
}

export interface Toc {
  /** Regular files that are not empty, by name as in the tar. */
  readonly files: ReadonlyMap<string, TocFile>
  readonly tarSplitDigest: Digest
}

interface RawEntry {
  readonly type?: unknown
  readonly name?: unknown
  readonly size?: unknown
  readonly digest?: unknown
  readonly offset?: unknown
  readonly endOffset?: unknown
}

/**
 * Read a table of contents.
 *
 * @param blobBytes positions must lie inside
 * @throws BootcError `IMAGE_LAYER_CORRUPT`
 * @see transport.md §10 in the format documents
 */
export function parseToc(text: string, blobBytes: number): Toc {
  const document = parseJson(text)
  const { version, entries, tarSplitDigest } = document
  if (version !== 1 || !Array.isArray(entries)) throw corrupt('is of an unknown kind')
  if (!isDigest(tarSplitDigest)) throw corrupt('does not say how to make the tar again')
  const files = new Map<string, TocFile>()
  for (const raw of entries as RawEntry[]) {
    if (raw?.type !== 'reg' || raw.size === undefined || raw.size === 0) continue
    const { name, size, digest, offset, endOffset } = raw
    if (typeof name !== 'string' || name === '') throw corrupt('has a file without a name')
    if (!isSize(size) || !isDigest(digest) || !isSize(offset) || !isSize(endOffset)) {
      throw corrupt(`has a file ${JSON.stringify(name)} without size, digest or place`)
    }
    if (offset > endOffset || endOffset > blobBytes)
      throw corrupt(`has a file ${JSON.stringify(name)} outside the blob`)
    // The tar decides; with one name for two contents it cannot be told which is meant.
    if (files.has(name)) throw corrupt(`has ${JSON.stringify(name)} twice`)
    files.set(name, { sizeBytes: size, digest, start: offset, end: endOffset })
  }
  return { files, tarSplitDigest }
}

function parseJson(text: string): { version?: unknown; entries?: unknown; tarSplitDigest?: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw corrupt('is not JSON', cause)
  }
  throw corrupt('is no object')
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

export function corrupt(problem: string, cause?: unknown): BootcError {
  return new BootcError('IMAGE_LAYER_CORRUPT', `the table of contents of a zstd:chunked layer ${problem}`, {
    details: { reason: problem },
    cause,
  })
}
