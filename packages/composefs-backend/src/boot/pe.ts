import { badUki } from './errors.js'

/** A section of a PE file: where its data is, in bytes from the start of the file. */
export interface PeSection {
  /** `.linux`; at most eight characters. */
  readonly name: string
  readonly start: number
  /** As it is in memory, which is what tools that make UKIs mean; padding of the file is not in it. */
  readonly sizeBytes: number
}

/** Headers of kernel images lie in the first blocks; linkers put the PE header right behind the DOS stub. */
export const maxPeHeadBytes = 64 << 10

const dosHeaderBytes = 64
const peHeaderOffset = 0x3c
const coffHeaderBytes = 20
const sectionHeaderBytes = 40

/**
 * The section table of a PE file.
 *
 * @param head the file's first bytes: all of it, or at least `maxPeHeadBytes`
 * @param fileBytes size of the whole file
 * @throws BootcError `BOOT_UKI_INVALID` for what is no PE file and for sections that are not in the file
 * @see Microsoft PE format; UAPI.5 Unified Kernel Image
 */
export function peSections(head: Uint8Array, fileBytes: number): PeSection[] {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const need = (end: number): void => {
    if (end > head.length) throw badUki('its headers are truncated')
  }
  need(dosHeaderBytes)
  const pe = view.getUint32(peHeaderOffset, true)
  need(pe + 4 + coffHeaderBytes)
  // "PE\0\0"
  if (view.getUint32(pe, false) !== 0x50450000) throw badUki('it is not a PE file')
  const coff = pe + 4
  const count = view.getUint16(coff + 2, true)
  const table = coff + coffHeaderBytes + view.getUint16(coff + 16, true)
  need(table + count * sectionHeaderBytes)
  const sections: PeSection[] = []
  for (let at = table; at < table + count * sectionHeaderBytes; at += sectionHeaderBytes) {
    const nameBytes = head.subarray(at, at + 8)
    const end = nameBytes.indexOf(0)
    const name = Buffer.from(end < 0 ? nameBytes : nameBytes.subarray(0, end)).toString('latin1')
    sections.push({ name, start: view.getUint32(at + 20, true), sizeBytes: view.getUint32(at + 8, true) })
  }
  for (const { name, start, sizeBytes } of sections) {
    // Sections of zeros have a size and no data; nobody reads them.
    if (start > 0 && start + sizeBytes > fileBytes) throw badUki(`its section ${name} is truncated`)
  }
  return sections
}

/** Sections of a PE file in memory by name: views of `file`. Of equal names the first counts. */
export function readPe(file: Uint8Array): Map<string, Uint8Array> {
  const sections = new Map<string, Uint8Array>()
  for (const { name, start, sizeBytes } of peSections(file, file.length)) {
    if (start > 0 && !sections.has(name)) sections.set(name, file.subarray(start, start + sizeBytes))
  }
  return sections
}
