import { asObject, decodeBase64, exactKeys, requiredText } from './policy-members.js'
import { parseStrictJson } from '../oci/strict-json.js'
import { SignatureRejection, type ImageSignature } from './signature-types.js'

/** Most signatures that one image may have, and most bytes that one may take. */
export const maxSignatures = 128
export const maxSignatureBytes = 4 << 20
/** Most bytes of all of them: they are held in memory, and whoever serves them is a stranger. */
export const maxAllSignatureBytes = 32 << 20

/** Packets that an OpenPGP message may begin with: a signature, a one-pass signature, compressed data. */
const openpgpTags: ReadonlySet<number> = new Set([2, 4, 8])

/**
 * Recognise a signature from a lookaside server or a `dir:` directory: an OpenPGP message as it is, or a zero byte,
 * the name of a format, a line feed and the content.
 *
 * @throws SignatureRejection for anything else
 * @see containers/image 5.34 internal/signature
 */
export function parseStoredSignature(bytes: Uint8Array): ImageSignature {
  const first = bytes[0]
  if (first === undefined) throw new SignatureRejection('an empty file is no signature')
  if ((first & 0x80) !== 0) {
    const tag = (first & 0x40) !== 0 ? first & 0x3f : (first >> 2) & 0x0f
    if (openpgpTags.has(tag)) return { kind: 'simple', message: bytes }
  }
  const end = bytes.indexOf(0x0a)
  if (first !== 0 || end < 0) throw new SignatureRejection('not a signature of a known format')
  const format = Buffer.from(bytes.subarray(1, end)).toString('latin1')
  const content = bytes.subarray(end + 1)
  switch (format) {
    case 'simple-signing':
      return { kind: 'simple', message: content }
    case 'sigstore-json':
      return parseSigstoreJson(content)
    default:
      throw new SignatureRejection(`a signature of unknown format ${JSON.stringify(format.slice(0, 40))}`)
  }
}

function parseSigstoreJson(content: Uint8Array): ImageSignature {
  try {
    const object = asObject(parseStrictJson(content), 'signature')
    exactKeys(object, ['mimeType', 'payload', 'annotations'], 'signature')
    const annotations = Object.entries(asObject(object['annotations'] ?? {}, 'annotations'))
    return {
      kind: 'sigstore',
      mimeType: requiredText(object, 'mimeType', 'signature'),
      payload: decodeBase64(requiredText(object, 'payload', 'signature'), 'payload'),
      annotations: Object.fromEntries(
        annotations.filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
      ),
    }
  } catch (cause) {
    throw new SignatureRejection(`a damaged signature: ${(cause as Error).message}`)
  }
}
