import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { createMessage, readSignature, verify, type Key } from 'openpgp'
import { notKeybox, orKeybox, readKeyrings } from './keyrings.js'
import { readKeyring } from './openpgp.js'

/**
 * Look for a good signature among detached OpenPGP signatures: by a key of the keyrings that is neither expired nor
 * revoked now. As in gpg, which libostree asks, the order counts: packets that cannot be read spoil everything, and a
 * wrong signature by a key that counts spoils what comes after it.
 *
 * @param signatures binary packets of one or more signatures each
 * @param keyrings public keys, binary, armored or in a keybox of GnuPG; what cannot be read gives no keys
 * @returns fingerprint of who made a good one; without one, what is wrong with each
 * @see RFC 9580; ostree 2026.4 src/libostree/ostree-gpg-verify-result.c
 */
export async function verifyDetachedOpenPgp(
  content: Uint8Array,
  signatures: readonly Uint8Array[],
  keyrings: readonly Uint8Array[],
  now: number,
): Promise<{ readonly signer?: string; readonly problems: readonly string[] }> {
  const { keys, problems: unread } = await readKeyrings(keyrings, orKeybox(readKeyring))
  const problems = [...unread]
  if (keys.length === 0) return { problems: [...problems, 'there are no OpenPGP keys'] }
  const date = new Date(now)
  const message = await createMessage({ binary: content })
  const found: Judged[] = []
  for (const packets of signatures) {
    if (packets.length === 0) continue
    try {
      const signature = await readSignature({ binarySignature: packets })
      const judged = await verify({ message, signature, verificationKeys: keys, format: 'binary', date })
      if (judged.signatures.length === 0) throw new Error('there is no signature in them')
      found.push(...judged.signatures)
    } catch (error) {
      return { problems: [`OpenPGP packets cannot be read: ${(error as Error).message}`] }
    }
  }
  // Nobody may be left to wait for those that are not asked about.
  for (const { verified } of found) verified.catch(() => undefined)
  for (const each of found) {
    const outcome = await judge(each, keys, date)
    if ('signer' in outcome) return { signer: outcome.signer, problems }
    problems.push(outcome.problem)
    if (outcome.isWrong) break
  }
  return { problems }
}

type Judged = Awaited<ReturnType<typeof verify>>['signatures'][number]

async function judge(
  { keyID, verified }: Judged,
  keys: readonly Key[],
  date: Date,
): Promise<{ readonly signer: string } | { readonly problem: string; readonly isWrong: boolean }> {
  const name = keyID.toHex()
  const signers = keys.filter((key) => key.getKeys(keyID).length > 0)
  const first = signers[0]
  if (first === undefined) return { problem: `key ${name} is unknown`, isWrong: false }
  try {
    for (const signer of signers) {
      // The library judges keys at the time of signing; a key that has expired since is no key any more.
      await signer.verifyPrimaryKey(date)
      await signer.getSigningKey(keyID, date)
    }
  } catch (error) {
    return { problem: `key ${name}: ${(error as Error).message}`, isWrong: false }
  }
  try {
    await verified
    return { signer: first.getFingerprint() }
  } catch (error) {
    return { problem: `signature by key ${name}: ${(error as Error).message}`, isWrong: true }
  }
}

/**
 * Public keys in binary form, one after the other, as keyrings have them.
 *
 * @param bytes binary or armored
 * @throws SignatureRejection when they cannot be read
 */
export async function binaryKeys(bytes: Uint8Array): Promise<Uint8Array> {
  const keys = await notKeybox(readKeyring)(bytes)
  if (keys.length === 0) throw new SignatureRejection('there are no OpenPGP keys')
  return Buffer.concat(keys.map((key) => key.toPublic().write()))
}
