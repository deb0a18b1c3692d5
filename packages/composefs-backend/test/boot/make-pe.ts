/** A PE file with these sections, as small as it can be: no code, no optional header by default. */
export function makePe(
  sections: Readonly<Record<string, string | Uint8Array>>,
  options: { readonly optionalHeaderBytes?: number } = {},
): Buffer {
  const { optionalHeaderBytes = 0 } = options
  const align = (value: number): number => Math.ceil(value / 512) * 512
  const pe = 128
  const table = pe + 24 + optionalHeaderBytes
  const all = Object.entries(sections).map(([name, data]) => ({
    name,
    data: Buffer.from(data as Uint8Array),
  }))
  let end = align(table + all.length * 40)
  const placed = all.map((section) => {
    const start = end
    end = align(start + section.data.length)
    return { ...section, start }
  })
  const file = Buffer.alloc(end)
  file.write('MZ', 0)
  file.writeUInt32LE(pe, 0x3c)
  file.write('PE\0\0', pe, 'latin1')
  file.writeUInt16LE(0x8664, pe + 4)
  file.writeUInt16LE(all.length, pe + 6)
  file.writeUInt16LE(optionalHeaderBytes, pe + 20)
  placed.forEach(({ name, data, start }, index) => {
    const at = table + index * 40
    file.write(name, at, 8, 'latin1')
    file.writeUInt32LE(data.length, at + 8)
    file.writeUInt32LE(align(data.length), at + 16)
    file.writeUInt32LE(start, at + 20)
    data.copy(file, start)
  })
  return file
}
