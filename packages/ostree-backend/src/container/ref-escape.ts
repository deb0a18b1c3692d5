import { BootcError } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core/oci'
import type { Digest, ImageReference } from '@bootc-sdk/core'
import { imageRefPrefix, layerRefPrefix } from './names.js'

/**
 * Escape any text into the components of a ref name: ASCII letters, digits and `-` stay, `_` is doubled, `/`
 * stays after a letter or digit and before anything, all else becomes `_HEX_` (code point, upper case, at
 * least two digits).
 *
 * @throws BootcError `STORE_OSTREE_REF_NAME` for an empty text and for NUL
 * @see bootc 1.16.9, ostree-ext refescape.rs
 */
export function escapeForRef(text: string): string {
  if (text === '' || text.includes('\0')) {
    throw new BootcError('STORE_OSTREE_REF_NAME', `${JSON.stringify(text)} cannot be part of a ref name`, {
      details: { text },
    })
  }
  const characters = [...text]
  let out = ''
  let afterPlain = false
  for (const [i, character] of characters.entries()) {
    const plain = /^[A-Za-z0-9]$/.test(character)
    if (plain || character === '-' || (character === '/' && afterPlain && i < characters.length - 1)) {
      out += character
    } else if (character === '_') {
      out += '__'
    } else {
      out += `_${character.codePointAt(0)!.toString(16).toUpperCase().padStart(2, '0')}_`
    }
    afterPlain = plain
  }
  return out
}

/** The text behind an escaped name; undefined when it is not one. */
export function unescapeFromRef(name: string): string | undefined {
  let out = ''
  for (let i = 0; i < name.length;) {
    const character = name[i]!
    if (/[A-Za-z0-9/-]/.test(character)) {
      out += character
      i++
      continue
    }
    if (character !== '_') return undefined
    const end = name.indexOf('_', i + 1)
    if (end < 0) return undefined
    const hex = name.slice(i + 1, end)
    if (hex === '') {
      out += '_'
    } else {
      const codePoint = /^[0-9A-F]{2,6}$/.test(hex) ? Number.parseInt(hex, 16) : Number.POSITIVE_INFINITY
      if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) return undefined
      out += String.fromCodePoint(codePoint)
    }
    i = end + 1
  }
  return out === '' ? undefined : out
}

/** Ref of a layer, by the digest in the manifest: `ostree/container/blob/sha256_3A_…`. */
export function layerRef(digest: Digest): string {
  return `${layerRefPrefix}/${escapeForRef(digest)}`
}

/** Ref of an image, by its printed reference: `ostree/container/image/docker_3A__2F__2F_quay_2E_io/a/b_3A_c`. */
export function imageRef(reference: ImageReference): string {
  return `${imageRefPrefix}/${escapeForRef(printImageReference(reference))}`
}
