import { badStream, invalidTree } from './errors.js'
import type { ObjectId } from './types.js'

/** Far beyond the few names of an image, so that no frame can fill the memory. */
export const maxNamedRefsBytes = 64 * 1024 * 1024

/**
 * Named references, uncompressed: `INDEX:NAME\0` for each, sorted by the bytes of the names.
 *
 * @param refs index into the stream references by name
 * @throws BootcError `STORE_COMPOSEFS_INVALID` for a name with a NUL
 */
export function encodeNamedRefs(refs: ReadonlyMap<string, number>): Buffer {
  const names = [...refs.keys()].map((name) => {
    if (name.includes('\0')) throw invalidTree('named reference', 'the name holds a NUL')
    return Buffer.from(name)
  })
  names.sort((a, b) => Buffer.compare(a, b))
  return Buffer.concat(
    names.flatMap((name) => [Buffer.from(`${refs.get(name.toString())}:`), name, Buffer.of(0)]),
  )
}

/** @throws BootcError `STORE_COMPOSEFS_BAD_STREAM` */
export function parseNamedRefs(
  bytes: Uint8Array,
  streamRefs: readonly ObjectId[],
  stream: string,
): Map<string, ObjectId> {
  const refs = new Map<string, ObjectId>()
  if (bytes.length === 0) return refs
  if (bytes.at(-1) !== 0) throw badStream(stream, 'named references end in the middle of one')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, -1))
  } catch {
    throw badStream(stream, 'a named reference is not UTF-8')
  }
  for (const record of text.split('\0')) {
    const colon = record.indexOf(':')
    const index = record.slice(0, Math.max(0, colon))
    // Rust's integers may be written with a plus.
    const id = /^\+?[0-9]{1,15}$/.test(index) ? streamRefs[Number(index)] : undefined
    if (id === undefined) {
      throw badStream(stream, `bad named reference ${JSON.stringify(record.slice(0, 80))}`)
    }
    refs.set(record.slice(colon + 1), id)
  }
  return refs
}
