import * as openpgp from 'openpgp'
import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { describe, expect, test } from 'vitest'
import { signatureVerifiers } from '../src/index.js'

const day = 86_400_000
const made = Date.now() - 30 * day
const verifiers = signatureVerifiers({ now: () => Date.now() })

function newKey(more: object = {}): Promise<{ privateKey: openpgp.PrivateKey }> {
  return openpgp.generateKey({
    userIDs: [{ name: 'Builder', email: 'builder@example.test' }],
    date: new Date(made),
    format: 'object',
    ...more,
  }) as unknown as Promise<{ privateKey: openpgp.PrivateKey }>
}

/** What its types do not say. */
interface CompressibleMessage {
  compress(algorithm: openpgp.enums.compression): CompressibleMessage
  write(): Uint8Array
}

async function signed(key: openpgp.PrivateKey, content: Uint8Array, compress = false): Promise<Uint8Array> {
  const message = await openpgp.createMessage({ binary: content })
  const plain = (await message.sign([key])) as unknown as CompressibleMessage
  return (compress ? plain.compress(openpgp.enums.compression.zlib) : plain).write()
}

const content = Buffer.from('{"critical":{}}')

describe('copies of a key in several keyrings', () => {
  test('one that was revoked is revoked, also where an older copy comes first', async () => {
    const { privateKey } = await newKey()
    const { publicKey: revoked } = await openpgp.revokeKey({ key: privateKey, format: 'object' })
    const message = await signed(privateKey, content)
    const [old, current] = [privateKey.toPublic().write(), revoked.write()]
    expect(await verifiers.openpgp(message, [old])).toEqual(new Uint8Array(content))
    for (const keyrings of [[current], [old, current], [current, old]]) {
      await expect(verifiers.openpgp(message, keyrings)).rejects.toBeInstanceOf(SignatureRejection)
    }
  })
})

describe('a compressed message', () => {
  test('is read', async () => {
    const { privateKey } = await newKey()
    const keyring = privateKey.toPublic().write()
    expect(await verifiers.openpgp(await signed(privateKey, content, true), [keyring])).toEqual(
      new Uint8Array(content),
    )
  })

  test('that is much larger inside is not unpacked', async () => {
    const { privateKey } = await newKey()
    const message = await signed(privateKey, Buffer.alloc(16 << 20), true)
    expect(message.length).toBeLessThan(1 << 20)
    await expect(verifiers.openpgp(message, [privateKey.toPublic().write()])).rejects.toThrow(
      /decompressed message size/,
    )
  })
})
