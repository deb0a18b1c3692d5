import type { KeyObject } from 'node:crypto'
import { maxMetadataBytes } from '../format/checksum.js'
import { signaturesIn, withSignatures, type SignatureKind, type SignType } from '../format/signatures.js'
import { decodeDict, encodeDict } from '../format/variant-dict.js'
import type { OstreeRepo, VariantDict } from '../repo/api.js'
import { readFile } from '../repo/io.js'
import { noObject } from '../repo/errors.js'
import { replaceFile } from '../repo/staging.js'
import { checkSignatures } from './check-signatures.js'
import { badSignature } from './errors.js'
import type { KeySet } from './key-files.js'
import { isSignedBy, signBytes, type PublicKey } from './keys.js'

/** A kind of signature by plain keys, and the secret keys to sign with. */
export interface Signing {
  readonly type: SignType
  readonly keys: readonly KeyObject[]
}

/**
 * Sign a commit (`ostree sign`): signatures go into its detached metadata, after those that are there.
 *
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`
 */
export async function signCommit(repo: OstreeRepo, commit: string, { type, keys }: Signing): Promise<void> {
  const bytes = await repo.readMetadata('commit', commit)
  for (const key of keys) await addSignature(repo, commit, type, signBytes(key, bytes))
}

/**
 * Add a signature that was made elsewhere, as OpenPGP ones are: one binary packet, over the bytes of the commit
 * object. It is not verified.
 */
export async function addSignature(
  repo: OstreeRepo,
  commit: string,
  kind: SignatureKind,
  signature: Uint8Array,
): Promise<void> {
  if (!(await repo.has('commit', commit))) throw noObject(`${commit}.commit`)
  await writeDetached(repo, commit, added(await repo.readDetached(commit), kind, [signature]))
}

/** Take away the signatures by these keys; without keys, all of the type. @returns how many */
export async function deleteSignatures(
  repo: OstreeRepo,
  commit: string,
  type: SignType,
  keys: readonly PublicKey[] | undefined,
): Promise<number> {
  const bytes = await repo.readMetadata('commit', commit)
  const old = await repo.readDetached(commit)
  const before = signaturesIn(old, type)
  const kept =
    keys === undefined ? [] : before.filter((each) => !keys.some((key) => isSignedBy(key, bytes, each)))
  if (kept.length < before.length) await writeDetached(repo, commit, withSignatures(old, type, kept))
  return before.length - kept.length
}

/** @throws BootcError `STORE_OSTREE_SIGNATURE` when no key that counts has signed the commit */
export async function verifyCommit(
  repo: OstreeRepo,
  commit: string,
  type: SignType,
  keys: KeySet,
): Promise<void> {
  const bytes = await repo.readMetadata('commit', commit)
  const dict = (await repo.readDetached(commit)) ?? []
  const problem = await checkSignatures(bytes, dict, [type], () => Promise.resolve(keys))
  if (problem !== undefined) throw badSignature(`commit ${commit}`, problem)
}

/** Sign `summary` as it is (`ostree summary -u --sign`): `summary.sig`, with what it has already. */
export async function signSummary(repo: OstreeRepo, { type, keys }: Signing): Promise<void> {
  const bytes = await readFile(repo.dir, 'summary', maxMetadataBytes)
  if (bytes === undefined) throw noObject('summary')
  for (const key of keys) await addSummarySignature(repo, type, signBytes(key, bytes))
}

/** Add a signature of `summary` that was made elsewhere. It is not verified. */
export async function addSummarySignature(
  repo: OstreeRepo,
  kind: SignatureKind,
  signature: Uint8Array,
): Promise<void> {
  const old = await readFile(repo.dir, 'summary.sig', maxMetadataBytes)
  const dict = old === undefined ? undefined : decodeDict(old, 'summary.sig')
  const bytes = encodeDict(added(dict, kind, [signature]))
  await replaceFile(repo.dir, 'summary.sig', bytes, repo.config('core', 'fsync') !== 'false')
}

/** Signatures of anything, as `wrapSigned` of a superblock takes them. */
export function signaturesOf(bytes: Uint8Array, { type, keys }: Signing): VariantDict {
  return withSignatures(
    undefined,
    type,
    keys.map((key) => signBytes(key, bytes)),
  )
}

/** The same signature twice says no more than once. */
function added(
  dict: VariantDict | undefined,
  kind: SignatureKind,
  signatures: readonly Uint8Array[],
): VariantDict {
  const all = [...signaturesIn(dict, kind)]
  for (const each of signatures) if (!all.some((one) => one.equals(each))) all.push(Buffer.from(each))
  return withSignatures(dict, kind, all)
}

async function writeDetached(repo: OstreeRepo, commit: string, dict: VariantDict): Promise<void> {
  await using transaction = await repo.begin()
  await transaction.writeDetached(commit, dict)
  await transaction.commit()
}
