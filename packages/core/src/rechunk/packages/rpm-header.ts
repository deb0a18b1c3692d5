import { decodeName } from '../../names/index.js'
import type { PackageFiles } from './types.js'

const tags = { name: 1000, arch: 1022, sourceRpm: 1044, dirIndexes: 1116, baseNames: 1117, dirNames: 1118 }

/**
 * Names and files of a package header as the database holds it: number of index entries and bytes of data (both
 * big-endian 32 bits), entries of tag, type, offset and count, then the data.
 *
 * @returns undefined for what is no package, such as a key
 * @throws RangeError when it is damaged
 * @see rpm 4.20 lib/header.cc
 */
export function parseRpmHeader(blob: Uint8Array): PackageFiles | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const count = bytes.readUInt32BE(0)
  const dataStart = 8 + count * 16
  if (count > 0x10000 || dataStart > bytes.length) throw new RangeError('header is truncated')
  const entries = new Map<number, { at: number; count: number }>()
  for (let i = 0; i < count; i++) {
    const entry = 8 + i * 16
    entries.set(bytes.readUInt32BE(entry), {
      at: dataStart + bytes.readInt32BE(entry + 8),
      count: bytes.readUInt32BE(entry + 12),
    })
  }
  const strings = (tag: number): string[] => {
    const found = entries.get(tag)
    if (found === undefined) return []
    const out: string[] = []
    for (let at = found.at, left = found.count; left > 0; left--) {
      const end = bytes.indexOf(0, at)
      if (at < dataStart || end < 0) throw new RangeError('string is truncated')
      out.push(decodeName(bytes.subarray(at, end)))
      at = end + 1
    }
    return out
  }
  const [name] = strings(tags.name)
  if (name === undefined || name === 'gpg-pubkey') return undefined
  const dirNames = strings(tags.dirNames)
  const indexes = entries.get(tags.dirIndexes)
  const paths = strings(tags.baseNames).map((base, i) => {
    const index = indexes === undefined || i >= indexes.count ? 0 : bytes.readUInt32BE(indexes.at + 4 * i)
    return `${dirNames[index] ?? '/'}${base}`
  })
  // `bash-5.2.32-1.fc41.src.rpm`: version and release are the last two parts.
  const source = strings(tags.sourceRpm)[0]?.replace(/-[^-]*-[^-]*$/, '')
  const arch = strings(tags.arch)[0]
  return { name: arch === undefined ? name : `${name}.${arch}`, source: source ?? name, paths }
}
