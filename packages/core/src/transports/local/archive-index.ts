import type { FileHandle } from 'node:fs/promises'
import { posix } from 'node:path'
import { createTarParser } from '../../tar/index.js'
import type { TarEntry } from '../../tar/index.js'
import { isBootcError } from '../../errors.js'
import { layoutInvalid } from '../transport-errors.js'

const BLOCK_BYTES = 512
/** A layout of the 1024 layers we allow has about that many members; more is somebody's game. */
const MAX_MEMBERS = 10_000
/** Links from name to name before a member. */
const MAX_LINKS = 8
/** Headers that may stand before one member: long names and PAX records of at most 1 MiB. */
const MAX_HEADER_BYTES = 4 * 1024 * 1024

/** Where a member's bytes lie in the archive. */
export interface ArchiveMember {
  readonly offsetBytes: number
  readonly sizeBytes: number
}

/**
 * Find the regular files of a tar archive by reading its headers and skipping all content.
 *
 * Nothing is unpacked, still names that could be misread are refused: absolute ones, `..`, links, devices,
 * sparse files, two members of one name, content beyond the end of the file.
 *
 * @param path for messages
 * @param options `links`: symbolic links lead to members of the archive (`docker-archive` has layers as links)
 * @returns by normalised name, without a leading `./`
 * @throws `IMAGE_LAYOUT_INVALID`
 */
export async function indexArchive(
  handle: FileHandle,
  path: string,
  options: { readonly signal?: AbortSignal | undefined; readonly links?: boolean | undefined } = {},
): Promise<ReadonlyMap<string, ArchiveMember>> {
  const { size } = await handle.stat()
  const members = new Map<string, ArchiveMember>()
  const links = new Map<string, string>()
  const seen = new Set<string>()
  for (let offset = 0, count = 0; offset < size; count++) {
    options.signal?.throwIfAborted()
    if (count === MAX_MEMBERS) throw layoutInvalid(path, `more than ${MAX_MEMBERS} members`)
    const member = await readMember(handle, path, offset, size)
    if (!member) break
    const { entry, dataOffset } = member
    if (dataOffset + entry.sizeBytes > size) throw layoutInvalid(path, `${entry.name} is cut short`)
    if (entry.type !== 'paxGlobal') {
      const name = safeName(path, entry.name)
      if (entry.type === 'file') {
        if (seen.has(name)) throw layoutInvalid(path, `${name} is there twice`, { name })
        members.set(name, { offsetBytes: dataOffset, sizeBytes: entry.sizeBytes })
        seen.add(name)
      } else if (options.links === true && entry.type === 'symlink') {
        if (seen.has(name)) throw layoutInvalid(path, `${name} is there twice`, { name })
        links.set(name, posix.join(posix.dirname(name), entry.linkName))
        seen.add(name)
      } else if (entry.type !== 'directory') {
        throw layoutInvalid(path, `${name} is not a regular file`, { name, type: entry.type })
      }
    }
    offset = dataOffset + Math.ceil(entry.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES
  }
  for (const name of links.keys()) {
    const member = members.get(followLinks(links, name))
    if (member !== undefined) members.set(name, member)
  }
  return members
}

/** Where a chain of links ends; one that goes in circles, or out, ends at a name that is no member. */
function followLinks(links: ReadonlyMap<string, string>, name: string): string {
  let at = name
  for (let steps = 0; steps < MAX_LINKS; steps++) {
    const next = links.get(at)
    if (next === undefined) return at
    at = next
  }
  return ''
}

/** One member's headers, given to the tar parser block by block until it knows the member. */
async function readMember(
  handle: FileHandle,
  path: string,
  start: number,
  fileBytes: number,
): Promise<{ readonly entry: TarEntry; readonly dataOffset: number } | undefined> {
  let entry: TarEntry | undefined
  const parser = createTarParser({ entry: (found) => (entry = found), data: () => {}, end: () => {} })
  const block = Buffer.alloc(BLOCK_BYTES)
  try {
    for (let offset = start; offset < Math.min(fileBytes, start + MAX_HEADER_BYTES); offset += BLOCK_BYTES) {
      const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, offset)
      parser.push(Uint8Array.from(block.subarray(0, bytesRead)))
      if (entry) return { entry, dataOffset: start + entry.dataOffset }
      if (parser.finished) return undefined
    }
    parser.end()
  } catch (cause) {
    if (!isBootcError(cause)) throw cause
    throw layoutInvalid(path, cause.message, { offset: start }, cause)
  }
  return undefined
}

function safeName(path: string, name: string): string {
  if (name.startsWith('/')) throw layoutInvalid(path, `${JSON.stringify(name)} is absolute`, { name })
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw layoutInvalid(path, `${JSON.stringify(name)} leads out`, { name })
  return parts.join('/')
}
