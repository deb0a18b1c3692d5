import { compareNames, decodeName } from '../names/index.js'
import type { Xattr } from '../interfaces/tree.js'
import { tarCorrupt } from './errors.js'
import type { TarEntry } from './types.js'

const schily = 'SCHILY.xattr.'
const libarchive = 'LIBARCHIVE.xattr.'
const redHatSelinux = 'RHT.security.selinux'

const noXattrs: readonly Xattr[] = []

/**
 * Extended attributes of a member, sorted by name, each name once: `SCHILY.xattr.NAME` (raw value), else
 * `LIBARCHIVE.xattr.NAME` (percent-encoded name, base64 value), else `RHT.security.selinux`. Values are verbatim.
 *
 * @throws BootcError `IMAGE_TAR_CORRUPT` for base64 or percent-encoding that is none
 */
export function tarXattrs(entry: Pick<TarEntry, 'pax' | 'dataOffset'>): readonly Xattr[] {
  if (entry.pax.size === 0) return noXattrs
  const found = new Map<string, Uint8Array>()
  for (const [key, value] of entry.pax) {
    if (key.startsWith(schily)) {
      found.set(key.slice(schily.length), value)
    } else if (key.startsWith(libarchive)) {
      const name = percentDecode(key.slice(libarchive.length), entry.dataOffset)
      if (!entry.pax.has(schily + name)) found.set(name, base64Decode(value, entry.dataOffset))
    } else if (key === redHatSelinux && !entry.pax.has(`${schily}security.selinux`)) {
      if (!found.has('security.selinux')) found.set('security.selinux', value)
    }
  }
  if (found.size === 0) return noXattrs
  if (found.has('')) throw tarCorrupt('extended attribute without a name', entry.dataOffset)
  return [...found].map(([name, value]) => ({ name, value })).sort((a, b) => compareNames(a.name, b.name))
}

function percentDecode(text: string, offset: number): string {
  if (!text.includes('%')) return text
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw tarCorrupt('damaged extended attribute name', offset)
  const latin1 = Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return decodeName(Buffer.from(latin1, 'latin1'))
}

function base64Decode(value: Uint8Array, offset: number): Uint8Array {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw tarCorrupt('extended attribute is not base64', offset)
  return Buffer.from(text, 'base64')
}
