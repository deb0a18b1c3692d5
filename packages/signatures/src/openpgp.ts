import { maxSignatureBytes, SignatureRejection } from '@bootc-sdk/core/containers-conf'
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
  const date = new Date(now)
  const { keys, problems } = await readKeyrings(keyrings, notKeybox(readKeyring))
  const verificationKeys = await merged(keys, date)
  if (verificationKeys.length === 0) {
    throw new SignatureRejection(['the policy gives no OpenPGP keys', ...problems].join('; '))
  }
  try {
    const parsed = await readMessage({ binaryMessage: message, config })
    const { data, signatures } = await verify({
      ...{ message: parsed, verificationKeys, format: 'binary', date, config },
    })
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

/** Messages come from strangers, and compressed ones can be a thousand times as large inside. */
const config = { maxDecompressedMessageSize: maxSignatureBytes }

/** Copies of a key as one, with what each says, as gpg imports them: an old copy does not know that it was revoked. */
async function merged(keys: readonly Key[], date: Date): Promise<Key[]> {
  const known = new Map<string, Key>()
  for (const key of keys) {
    const other = known.get(key.getFingerprint())
    try {
      known.set(key.getFingerprint(), other === undefined ? key : await other.update(key.toPublic(), date))
    } catch (cause) {
      throw new SignatureRejection(`copies of a key do not fit together: ${(cause as Error).message}`)
    }
  }
  return [...known.values()]
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
