/**
 * A GUID in the mixed order of GPT: the first three fields little-endian, the rest as printed.
 *
 * @param text 36 characters, either case
 * @see UEFI 2.10, appendix A
 */
export function guidBytes(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex')
  if (bytes.length !== 16) throw new TypeError(`not a GUID: ${text}`)
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes
}
