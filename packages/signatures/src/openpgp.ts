import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { readKeys, readMessage, verify, type Key } from 'openpgp'
import { notKeybox, readKeyrings } from './keyrings.js'

/**
 * Verify a signed OpenPGP message and return what was signed.
 *
 * One good signature, no more; by a key of the keyrings that is neither expired nor revoked now; over content that
 * is inside the message.
 *
 * @param keyrings public keys, binary or armored; what cannot be read gives no keys
 * @throws SignatureRejection
 * @see RFC 9580, containers/image 5.34 signature/mechanism_gpgme.go
 */
export async function verifyOpenPgp(
  message: Uint8Array,
  keyrings: readonly Uint8Array[],
  now: number,
): Promise<Uint8Array> {
  const { keys: verificationKeys, problems } = await readKeyrings(keyrings, notKeybox(readKeyring))
  if (verificationKeys.length === 0) {
    throw new SignatureRejection(['the policy gives no OpenPGP keys', ...problems].join('; '))
  }
  const date = new Date(now)
  try {
    const parsed = await readMessage({ binaryMessage: message })
    const { data, signatures } = await verify({ message: parsed, verificationKeys, format: 'binary', date })
    if (signatures.length !== 1) {
      throw new SignatureRejection(`an OpenPGP message with ${signatures.length} signatures instead of one`)
    }
    const { keyID, verified } = signatures[0]!
    await verified
    const signer = verificationKeys.find((key) => key.getKeys(keyID).length > 0)
    if (signer === undefined) throw new SignatureRejection(`signed by unknown key ${keyID.toHex()}`)
    // The library judges keys at the time of signing; a key that has expired since is no key any more.
    await signer.verifyPrimaryKey(date)
    await signer.getSigningKey(keyID, date)
    return data
  } catch (cause) {
    if (cause instanceof SignatureRejection) throw cause
    throw new SignatureRejection(`OpenPGP verification failed: ${(cause as Error).message}`)
  }
}

/**
 * Several keys one after the other, in either form.
 *
 * @throws SignatureRejection
 */
export async function readKeyring(bytes: Uint8Array): Promise<Key[]> {
  const isArmored = Buffer.from(bytes.subarray(0, 1000)).includes('-----BEGIN PGP')
  try {
    if (!isArmored) return await readKeys({ binaryKeys: bytes })
    const blocks = Buffer.from(bytes)
      .toString('latin1')
      .match(/-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g)
    const keys = (blocks ?? []).map((armoredKeys) => readKeys({ armoredKeys }))
    return (await Promise.all(keys)).flat()
  } catch (cause) {
    throw new SignatureRejection(`keys cannot be read: ${(cause as Error).message}`)
  }
}
