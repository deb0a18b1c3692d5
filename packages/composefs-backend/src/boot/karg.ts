import type { BootcError } from '@bootc-sdk/core'
import { splitKargs } from '@bootc-sdk/core/kargs'
import { invalidTree } from '../format/errors.js'
import { algorithmOfDigest } from '../format/erofs/read-external.js'
import type { ErofsVersion, ObjectId, VerityAlgorithm } from '../format/types.js'

/** `composefs=` is what bootc writes and looks for; `composefs.digest=` also says how the image was made. */
export type KargSpelling = 'composefs' | 'composefs.digest'

/** A kernel argument that names the image to boot. */
export interface ComposefsKarg {
  readonly id: ObjectId
  readonly algorithm: VerityAlgorithm
  /** `?`: objects need not have fs-verity. */
  readonly optional: boolean
  readonly spelling: KargSpelling
  /** As the argument says: 1 also stands for version 0. Undefined in the short spelling. */
  readonly version?: 1 | 2
}

const longKey = 'composefs.digest='
const shortKey = 'composefs='

/**
 * The image that a command line boots, as bootc reads it: the first `composefs.digest=` of an algorithm, else
 * the first `composefs=`.
 *
 * @param algorithm pass over the long spelling of others; default: the first one, whatever it is
 * @returns undefined when no argument names one
 * @throws BootcError `STORE_COMPOSEFS_INVALID` for an argument that is damaged
 */
export function parseComposefsKarg(cmdline: string, algorithm?: VerityAlgorithm): ComposefsKarg | undefined {
  const words = splitKargs(cmdline)
  for (const word of words) {
    if (!word.startsWith(longKey)) continue
    const karg = parseLong(word)
    if (algorithm === undefined || karg.algorithm === algorithm) return karg
  }
  const word = words.find((candidate) => candidate.startsWith(shortKey))
  return word === undefined ? undefined : parseShort(word)
}

/** All arguments that name an image, left to right: an initramfs boots the first image that is there. */
export function parseComposefsKargs(cmdline: string): ComposefsKarg[] {
  return splitKargs(cmdline).flatMap((word) => {
    if (word.startsWith(longKey)) return [parseLong(word)]
    return word.startsWith(shortKey) ? [parseShort(word)] : []
  })
}

/**
 * The argument that boots an image.
 *
 * @param options.spelling default `composefs`, the only one that bootc's status and initramfs unit look for
 * @param options.version of the image, for the long spelling; default 1
 */
export function composefsKarg(
  id: ObjectId,
  options: {
    readonly optional?: boolean
    readonly spelling?: KargSpelling
    readonly version?: ErofsVersion
  } = {},
): string {
  const mark = options.optional === true ? '?' : ''
  const algorithm = algorithmOf(id)
  if (algorithm === undefined) throw badKarg(id, 'is no digest')
  if ((options.spelling ?? 'composefs') === 'composefs') return `${shortKey}${mark}${id}`
  return `${longKey}${mark}v${options.version === 2 ? 2 : 1}-${algorithm}-12:${id}`
}

/** Which hash a digest is of, by its length. */
export function algorithmOf(id: string): VerityAlgorithm | undefined {
  return /^(?:[0-9a-f]{64}){1,2}$/.test(id) ? algorithmOfDigest(id) : undefined
}

function parseLong(word: string): ComposefsKarg {
  const { optional, value } = takeMark(word.slice(longKey.length))
  const match = /^v([12])-(sha256|sha512)-12:(.*)$/.exec(value)
  if (match === null) throw badKarg(word, 'is not v1 or v2, hash, 12, colon, digest')
  const [, version, algorithm, hex] = match as unknown as [string, string, VerityAlgorithm, string]
  const id = hex.toLowerCase()
  if (algorithmOf(id) !== algorithm) throw badKarg(word, `has no ${algorithm} digest`)
  return { id, algorithm, optional, spelling: 'composefs.digest', version: version === '2' ? 2 : 1 }
}

function parseShort(word: string): ComposefsKarg {
  const { optional, value } = takeMark(word.slice(shortKey.length))
  const id = value.toLowerCase()
  const algorithm = algorithmOf(id)
  if (algorithm === undefined) throw badKarg(word, 'has no digest')
  return { id, algorithm, optional, spelling: 'composefs' }
}

function takeMark(value: string): { optional: boolean; value: string } {
  return value.startsWith('?') ? { optional: true, value: value.slice(1) } : { optional: false, value }
}

function badKarg(word: string, reason: string): BootcError {
  return invalidTree(`kernel argument ${JSON.stringify(word.slice(0, 200))}`, reason)
}
