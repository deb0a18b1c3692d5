import type { ErofsEntry } from './read-walk.js'
import type { ErofsImage } from './read.js'
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, type ByteString } from '../../tree/inode.js'
import { escapePath } from '../dump/escape.js'

/**
 * What `composefs-info` prints about an image, line by line without line ends.
 *
 * @see composefs 1.0.8, tools/composefs-info.c
 */

/**
 * `composefs-info ls`: paths, `/` and a tab after directories, targets of links, objects behind files. Names
 * after the first of a file are bare paths, whatever the file is.
 */
export function* infoLs(image: ErofsImage): Generator<string, void, undefined> {
  for (const entry of image.walk()) {
    const { inode, path, again, depth } = entry
    if (depth === 0 || isStub(entry)) continue
    const shown = escapeSpaced(path)
    const type = inode.mode & S_IFMT
    if (again) yield shown
    else if (type === S_IFDIR) yield `${shown}/\t`
    else if (type === S_IFLNK) yield `${shown}\t-> ${escapePath(image.target(inode))}`
    else {
      const payload = image.external(inode)?.payload ?? ''
      yield payload === '' ? shown : `${shown}\t@ ${escapePath(payload)}`
    }
  }
}

/** `composefs-info objects`: paths of all objects, sorted, each once, raw. */
export function infoObjects(image: ErofsImage): ByteString[] {
  const paths = new Set<ByteString>()
  for (const { inode, again } of image.walk()) {
    if (again) continue
    const payload = image.external(inode)?.payload ?? ''
    if (payload !== '') paths.add(payload)
  }
  return [...paths].sort()
}

/**
 * `composefs-info missing-objects`: of the objects, those that a store has not.
 *
 * @param has asked with a path below the store
 */
export async function infoMissingObjects(
  image: ErofsImage,
  has: (path: ByteString) => boolean | Promise<boolean>,
): Promise<ByteString[]> {
  const missing: ByteString[] = []
  for (const path of infoObjects(image)) if (!(await has(path))) missing.push(path)
  return missing
}

/** The tool leaves out every real whiteout. */
function isStub({ inode }: ErofsEntry): boolean {
  return (inode.mode & S_IFMT) === S_IFCHR && inode.u === 0
}

/** Escapes of `ls`: as in dump text, but spaces are themselves. */
function escapeSpaced(path: ByteString): string {
  return path.includes(' ') ? path.split(' ').map(escapePath).join(' ') : escapePath(path)
}
