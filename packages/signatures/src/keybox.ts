const openPgpBlob = 2
/** `length u32, type u8, version u8, flags u16, offset of the keyblock u32, its length u32`, big-endian. */
const minBlobBytes = 16
const headerBytes = 32
/** What gpg reads at most as one blob. */
const maxBlobBytes = 5 * 1024 * 1024
/** Not to be found by those who look for keys. */
const ephemeral = 2

/** A file of GnuPG's own format for keys (`pubring.kbx`), and not OpenPGP packets? */
export function isKeybox(bytes: Uint8Array): boolean {
  return bytes.length >= headerBytes && bytes[4] === 1 && ascii(bytes, 8, 12) === 'KBXf'
}

/**
 * OpenPGP keys of a keybox, each with its packets as they are, in order. Certificates (X.509), deleted entries and
 * ephemeral ones are passed over.
 *
 * @throws RangeError for a blob that does not fit the file, or keys that do not fit their blob
 * @see GnuPG 2.2 kbx/keybox-blob.c
 */
export function keyboxKeys(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const keys: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const left = bytes.length - at
    const length = left < minBlobBytes ? 0 : view.getUint32(at)
    if (length < minBlobBytes || length > Math.min(left, maxBlobBytes)) {
      throw new RangeError(`a keybox with a blob of ${length} bytes at ${at}`)
    }
    if (bytes[at + 4] === openPgpBlob && (view.getUint16(at + 6) & ephemeral) === 0) {
      const offset = view.getUint32(at + 8)
      const size = view.getUint32(at + 12)
      if (offset < minBlobBytes || offset + size > length) {
        throw new RangeError(`a keybox with keys outside of their blob at ${at}`)
      }
      keys.push(bytes.subarray(at + offset, at + offset + size))
    }
    at += length
  }
  return keys
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end))
}
