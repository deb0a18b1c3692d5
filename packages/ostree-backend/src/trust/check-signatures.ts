import { signaturesIn, type SignType } from '../format/signatures.js'
import type { VariantDict } from '../repo/api.js'
import type { KeySet } from './key-files.js'
import { badSignature } from './errors.js'
import { isPossibleSignature, isSignedBy } from './keys.js'

/**
 * Look for a good signature of the bytes, by any of the engines.
 *
 * @returns what is wrong; undefined when there is a good one
 */
export async function checkSignatures(
  bytes: Uint8Array,
  dict: VariantDict,
  types: readonly SignType[],
  keySet: (type: SignType) => Promise<KeySet>,
): Promise<string | undefined> {
  const problems: string[] = []
  for (const type of types) {
    const signatures = signaturesIn(dict, type)
    if (signatures.length === 0) continue
    const problem = checkOfType(type, bytes, signatures, await keySet(type))
    if (problem === undefined) return undefined
    problems.push(`${type}: ${problem}`)
  }
  return problems.length > 0 ? problems.join('; ') : `there is no signature of type ${types.join(' or ')}`
}

function checkOfType(
  type: SignType,
  bytes: Uint8Array,
  signatures: readonly Uint8Array[],
  { trusted, revoked }: KeySet,
): string | undefined {
  if (trusted.length === 0) return 'there is no key that is trusted'
  const usable = trusted.filter(({ hex }) => !revoked.has(hex))
  if (usable.length === 0) return 'every key is revoked'
  for (const signature of signatures) {
    if (!isPossibleSignature(type, signature)) return `a signature of ${signature.length} bytes is none`
    if (usable.some((key) => isSignedBy(key, bytes, signature))) return undefined
  }
  return `none of ${signatures.length} signatures is by one of ${usable.length} trusted keys`
}

/**
 * Demand a good signature of a delta, as it was opened.
 *
 * @throws BootcError `STORE_OSTREE_SIGNATURE`
 */
export async function verifySignatures(
  signed: { readonly name: string; readonly signedBytes: Uint8Array; readonly signatures?: VariantDict },
  type: SignType,
  keys: KeySet,
): Promise<void> {
  const { name, signedBytes, signatures = [] } = signed
  const problem = await checkSignatures(signedBytes, signatures, [type], () => Promise.resolve(keys))
  if (problem !== undefined) throw badSignature(name, problem)
}
