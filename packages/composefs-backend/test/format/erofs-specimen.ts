import { isBootcError } from '@bootc-sdk/core'
import { expect } from 'vitest'
import { parseDump } from '../../src/format/dump/parse.js'
import { checkErofs } from '../../src/format/erofs/check.js'
import { infoLs } from '../../src/format/erofs/read-info.js'
import type { ErofsInode } from '../../src/format/erofs/read-inode.js'
import { readErofs, type ErofsImage } from '../../src/format/erofs/read.js'
import { writeErofs } from '../../src/format/erofs/write.js'

/** Everything that reads an image, each on its own so that one does not hide another. */
export const readers: readonly ((image: ErofsImage) => unknown)[] = [
  (image) => [...image.objects()],
  (image) => image.tree(),
  (image) => image.tree({ convention: 'c' }),
  (image) => image.tree({ convention: 'rs' }),
  (image) => [...image.walk()].map(({ inode }) => [image.xattrs(inode), image.external(inode)]),
  (image) => [...infoLs(image)],
  (image) => image.lookup('/dir/sub/file'),
  (image) => image.algorithm,
  (image) => checkErofs(image),
]

/** Reason that a reader refuses an image with; '' when it takes it. Anything but our error fails the test. */
export function refusal(run: () => unknown): string {
  try {
    run()
    return ''
  } catch (error) {
    if (!isBootcError(error, 'STORE_COMPOSEFS_BAD_IMAGE')) throw error
    if (error.message.endsWith('.')) throw new Error(`full stop: ${error.message}`, { cause: error })
    return error.details.reason
  }
}

const digest = 'ab'.repeat(32)
const dump = [
  '/ 0 40755 3 0 0 0 1.0 - - -',
  '/dir 0 40755 3 0 0 0 1.0 - - - user.big=0123456789',
  '/dir/a 4 100644 1 0 0 0 1.0 - text -',
  `/dir/ext 9999 100644 1 0 0 0 1.0 ab/${'ab'.repeat(31)} - ${digest} user.shared=value`,
  '/dir/link 6 120777 1 0 0 0 1.0 target - -',
  '/dir/pipe 0 10644 1 0 0 0 1.0 - - - user.shared=value',
  '/dir/sub 0 40755 2 0 0 0 1.0 - - -',
  '/dir/sub/file 1 100644 1 0 0 0 1.0 - x -',
  '/dir/tub 0 40755 2 0 0 0 1.0 - - -',
].join('\n')

export interface Specimen {
  /** To be damaged. */
  readonly bytes: Buffer
  /** Inodes as they were before. */
  inode(path: string): ErofsInode
  /** Offset of a directory's first block or inline part; the directories here have no other. */
  entries(directory: string): number
  /** Offset of the directory entry of a name. */
  dirent(directory: string, name: string): number
  /** Offset of a name. */
  name(directory: string, name: string): number
}

/** A small image with one file of most types. */
export function specimen(version: 0 | 1 | 2 = 1): Specimen {
  const bytes = Buffer.from(
    writeErofs(parseDump(Buffer.from(dump)), { version, algorithm: 'sha256', flavor: 'rs' }),
  )
  const image = readErofs(Buffer.from(bytes))
  const entries = (directory: string) => {
    const { u, blockBytes, xattrOffset, xattrSize } = image.lookup(directory)!
    return blockBytes > 0 ? u * 4096 : xattrOffset + xattrSize
  }
  const find = (directory: string, name: string): { dirent: number; name: number } => {
    const start = entries(directory)
    const count = bytes.readUInt16LE(start + 8) / 12
    const offsets = Array.from({ length: count }, (_, i) => start + bytes.readUInt16LE(start + i * 12 + 8))
    const names = offsets.map((from, i) =>
      bytes.toString('latin1', from, offsets[i + 1] ?? from + name.length),
    )
    const index = names.indexOf(name)
    if (index < 0) throw new Error(`no entry ${name} in ${directory}`)
    return { dirent: start + index * 12, name: offsets[index]! }
  }
  return {
    bytes,
    inode: (path) => image.lookup(path)!,
    entries,
    dirent: (directory, name) => find(directory, name).dirent,
    name: (directory, name) => find(directory, name).name,
  }
}

export function refusals(bytes: Buffer): string[] {
  let image: ErofsImage | undefined
  const opening = refusal(() => (image = readErofs(bytes)))
  return image === undefined ? [opening] : readers.map((reader) => refusal(() => reader(image!)))
}

/** The image is refused by all that come across the damage: walks, trees, objects, the check. */
export function expectRefused(bytes: Buffer, reason: RegExp): void {
  const [objects, tree, c, rs, , , , , check] = refusals(bytes)
  for (const found of [objects, tree, c, rs, check]) expect(found).toMatch(reason)
}
