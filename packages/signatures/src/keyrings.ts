import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import type { Key } from 'openpgp'
import { isKeybox, keyboxKeys } from './keybox.js'

type ReadKeys = (bytes: Uint8Array) => Promise<Key[]>

/**
 * Keys of all keyrings. One that cannot be read gives none, as with gpg: others may be good.
 *
 * @returns with what is wrong with the others
 */
export async function readKeyrings(
  keyrings: readonly Uint8Array[],
  read: ReadKeys,
): Promise<{ readonly keys: Key[]; readonly problems: readonly string[] }> {
  const keys: Key[] = []
  const problems: string[] = []
  for (const keyring of keyrings) {
    try {
      keys.push(...(await read(keyring)))
    } catch (error) {
      problems.push((error as Error).message)
    }
  }
  return { keys, problems }
}

/** gpg, which libostree lends its keyrings to, reads its own format, too. A key in it that cannot be read is none. */
export function orKeybox(read: ReadKeys): ReadKeys {
  return async (bytes) => {
    if (!isKeybox(bytes)) return read(bytes)
    const { keys, problems } = await readKeyrings(packetsOf(bytes), read)
    if (keys.length === 0 && problems[0] !== undefined) throw new SignatureRejection(problems[0])
    return keys
  }
}

/** skopeo imports keyrings, and finds none in a keybox. */
export function notKeybox(read: ReadKeys): ReadKeys {
  return async (bytes) => {
    if (!isKeybox(bytes)) return read(bytes)
    throw new SignatureRejection('a keybox is no keyring: `gpg --export` makes one')
  }
}

function packetsOf(keybox: Uint8Array): Uint8Array[] {
  try {
    return keyboxKeys(keybox)
  } catch (cause) {
    throw new SignatureRejection(`keys cannot be read: ${(cause as Error).message}`)
  }
}
