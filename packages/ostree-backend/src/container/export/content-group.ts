import { encodeXattrs } from '../../format/xattrs.js'
import { normalizeSymlinkTarget } from '../symlink-target.js'
import { containerPath, dataEntry, xattrsEntry } from './entries.js'
import type { LoadedObject } from './load-objects.js'
import { objectEntryPath } from './skeleton.js'
import {
  newHeader,
  padding,
  sealed,
  setLinkLiteral,
  setLinkPath,
  setPath,
  setSize,
  setType,
} from './tar-header.js'

/**
 * A content object in an ostree layer: its attributes, itself, and a hard link for every path of the commit that has
 * it. Empty files are no links there, because builds on top would otherwise write into the object.
 *
 * @param paths in the commit, relative
 */
export async function* contentGroup(
  object: LoadedObject,
  paths: readonly string[],
): AsyncGenerator<Uint8Array> {
  const { checksum, header: facts } = object
  const path = objectEntryPath(checksum, 'file')
  const isSymlink = facts.symlinkTarget !== undefined
  const type = isSymlink ? 'symlink' : 'file'
  const header = newHeader({ ...facts, type, sizeBytes: isSymlink ? 0 : facts.sizeBytes })
  yield Buffer.concat([
    ...dataEntry(objectEntryPath(checksum, 'file-xattrs-link'), encodeXattrs(facts.xattrs)),
    ...xattrsEntry(facts.xattrs),
    ...setPath(header, path),
    ...(isSymlink ? setSymlinkTarget(header, facts.symlinkTarget) : []),
    sealed(header),
  ])
  if (!isSymlink) {
    yield* object.content()
    yield padding(facts.sizeBytes)
  }
  const isLink = isSymlink || facts.sizeBytes > 0
  const links: Buffer[] = []
  for (const name of paths) {
    // Made from the object's header, with what its name and target leave behind the new ones.
    const link = Buffer.from(header)
    setSize(link, 0)
    if (isLink) {
      setType(link, 'hardlink')
      setLinkPath(link, path)
    }
    links.push(...setPath(link, containerPath(name)), sealed(link))
  }
  if (links.length > 0) yield Buffer.concat(links)
}

/**
 * The reference exporter writes targets as paths, except those with `//`. Where that changes one (`/`, `a/./b`), its
 * image cannot be imported any more, so here it is written as it is.
 */
export function setSymlinkTarget(header: Buffer, target: string): Buffer[] {
  return normalizeSymlinkTarget(target) === target
    ? setLinkPath(header, target)
    : setLinkLiteral(header, target)
}
