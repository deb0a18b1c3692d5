/** A hand-made header block; fields are written as given, the checksum is right unless `checksum` says otherwise. */
export function rawHeader(fields: {
  name?: string | Uint8Array
  mode?: string | Uint8Array
  uid?: string | Uint8Array
  gid?: string | Uint8Array
  size?: string | Uint8Array
  mtime?: string | Uint8Array
  type?: string
  link?: string
  magic?: string
  devMajor?: string
  devMinor?: string
  prefix?: string
  checksum?: 'unsigned' | 'signed' | 'wrong'
}): Buffer {
  const block = Buffer.alloc(512)
  const put = (value: string | Uint8Array | undefined, at: number): void => {
    if (value !== undefined) block.set(typeof value === 'string' ? Buffer.from(value, 'utf8') : value, at)
  }
  put(fields.name ?? 'file', 0)
  put(fields.mode ?? '0000644\0', 100)
  put(fields.uid ?? '0000000\0', 108)
  put(fields.gid ?? '0000000\0', 116)
  put(fields.size ?? '00000000000\0', 124)
  put(fields.mtime ?? '00000000000\0', 136)
  put(fields.type ?? '0', 156)
  put(fields.link, 157)
  put(fields.magic ?? 'ustar\x0000', 257)
  put(fields.devMajor, 329)
  put(fields.devMinor, 337)
  put(fields.prefix, 345)
  block.fill(0x20, 148, 156)
  let sum = 0
  for (const byte of block) sum += fields.checksum === 'signed' && byte > 127 ? byte - 256 : byte
  if (fields.checksum === 'wrong') sum++
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Bytes padded to whole blocks. */
export function padded(data: string | Uint8Array): Buffer {
  const bytes = Buffer.from(data as Uint8Array)
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

export const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
export const endMarker = Buffer.alloc(1024)
