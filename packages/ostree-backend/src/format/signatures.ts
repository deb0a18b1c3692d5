import type { VariantDict } from '../repo/api.js'
import { corrupt } from './errors.js'
import { lookup } from './variant-dict.js'

/** Kinds of signatures by plain keys; OpenPGP ones are a kind of their own. */
export type SignType = 'ed25519' | 'spki'
export const signTypes: readonly SignType[] = ['ed25519', 'spki']

/**
 * Where signatures lie in detached metadata of a commit, in `summary.sig` and in signed superblocks: an `aay`, an
 * element for each.
 *
 * @see ostree 2026.4 src/libostree/ostree-sign-ed25519.c, ostree-sign-spki.c, ostree-gpg-verifier.c
 */
export const signatureKeys = {
  openpgp: 'ostree.gpgsigs',
  ed25519: 'ostree.sign.ed25519',
  spki: 'ostree.sign.spki',
} as const

export type SignatureKind = keyof typeof signatureKeys

/** Signatures beyond this are somebody's attempt to keep us busy. */
const maxSignatures = 1000

/** @throws BootcError `STORE_OSTREE_CORRUPT` for more than anybody needs */
export function signaturesIn(dict: VariantDict | undefined, kind: SignatureKind): readonly Buffer[] {
  const found = lookup(dict ?? [], signatureKeys[kind], 'aay') ?? []
  if (found.length > maxSignatures) throw corrupt(signatureKeys[kind], `holds ${found.length} signatures`)
  return found
}

/** The dictionary with other signatures of one kind; none: without the key. Everything else stays as it is. */
export function withSignatures(
  dict: VariantDict | undefined,
  kind: SignatureKind,
  signatures: readonly Uint8Array[],
): VariantDict {
  const key = signatureKeys[kind]
  const others = (dict ?? []).filter(([each]) => each !== key)
  return signatures.length === 0 ? others : [...others, [key, { type: 'aay', value: signatures }]]
}
