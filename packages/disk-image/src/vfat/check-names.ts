import { baseName, isUtf8Name } from '@bootc-sdk/core/names'
import { badContent } from '../errors.js'
import type { PackNode } from '../scan-tree.js'

const maxFileBytes = 0xffffffff

/**
 * Refuse what FAT has no place for: links, devices, names that differ in case alone, characters that it or mtools take for
 * something else.
 *
 * @throws BootcError `SYSROOT_DISK_CONTENT`
 */
export function checkVfatNames(nodes: Iterable<PackNode>): void {
  const seen = new Map<string, string>()
  for (const { path, type, sizeBytes } of nodes) {
    if (path === '') continue
    if (type !== 'file' && type !== 'directory')
      throw badContent(path, `is a ${type}, which FAT does not have`)
    if (sizeBytes > maxFileBytes) throw badContent(path, 'is larger than 4 GiB, too large for FAT')
    const name = baseName(path)
    const forbidden = /[\u0000-\u001f"*:<>?\\|[\]]/.exec(name)?.[0]
    if (forbidden !== undefined) throw badContent(path, `has ${JSON.stringify(forbidden)} in its name`)
    if (!isUtf8Name(name)) throw badContent(path, 'has a name that is not UTF-8')
    if (/[. ]$/.test(name)) throw badContent(path, 'has a name that ends with a dot or a space')
    if (name.length > 255) throw badContent(path, 'has a name of more than 255 characters')
    const folded = path.toLowerCase()
    const other = seen.get(folded)
    if (other !== undefined) throw badContent(path, `is the same name on FAT as ${JSON.stringify(other)}`)
    seen.set(folded, path)
  }
}
