import { createTarParser } from '../../src/tar/index.js'
import type { TarEntry, TarOptions } from '../../src/tar/index.js'

export interface ReadMember extends TarEntry {
  readonly data: Buffer
}

/** Parse a whole archive that arrives in chunks of `chunkBytes`. */
export function readAll(
  archive: Uint8Array,
  options: TarOptions = {},
  chunkBytes = archive.length,
): ReadMember[] {
  const members: ReadMember[] = []
  let entry: TarEntry | undefined
  let parts: Uint8Array[] = []
  const parser = createTarParser(
    {
      entry(next) {
        if (entry !== undefined) throw new Error('entry() before end()')
        entry = next
        parts = []
      },
      data(chunk) {
        if (chunk.length === 0) throw new Error('empty data()')
        parts.push(chunk)
      },
      end() {
        if (entry === undefined) throw new Error('end() without entry()')
        members.push({ ...entry, data: Buffer.concat(parts) })
        entry = undefined
      },
    },
    options,
  )
  for (let at = 0; at < archive.length; at += Math.max(chunkBytes, 1)) {
    parser.push(archive.subarray(at, at + Math.max(chunkBytes, 1)))
  }
  parser.end()
  return members
}
