import { digestBytes, type VerityAlgorithm } from './types.js'

/** 1 for the character codes of `0` to `9` and `a` to `f`. */
const LOWER_HEX = new Uint8Array(256)
for (const digit of '0123456789abcdef') LOWER_HEX[digit.charCodeAt(0)] = 1

/** Is it a digest in lower-case hex? A loop, because a regular expression takes five times as long. */
export function isHexDigest(text: string, algorithm: VerityAlgorithm): boolean {
  if (text.length !== 2 * digestBytes[algorithm]) return false
  for (let i = 0; i < text.length; i++) if (LOWER_HEX[text.charCodeAt(i)] !== 1) return false
  return true
}
