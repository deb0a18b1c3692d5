import fc from 'fast-check'
import * as openpgp from 'openpgp'
import { describe, expect, test } from 'vitest'
import { binaryOpenPgpKeys, detachedOpenPgp } from '../src/index.js'

const content = Buffer.from('what is signed')
const day = 86_400_000

async function newKey(more: object = {}): Promise<openpgp.PrivateKey> {
  const { privateKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: 'somebody' }],
    format: 'object',
    date: new Date(Date.now() - 10 * day),
    ...more,
  })
  return privateKey
}

async function signature(key: openpgp.PrivateKey, bytes: Uint8Array = content, more: object = {}) {
  const message = await openpgp.createMessage({ binary: bytes })
  const signed = await openpgp.sign({ message, signingKeys: key, detached: true, format: 'binary', ...more })
  return Buffer.from(signed as Uint8Array)
}

const key = await newKey()
const other = await newKey()
const keyring = key.toPublic().write()
const good = await signature(key)

describe('detached OpenPGP signatures', () => {
  test('are good by a key of any of the keyrings, binary or armored', async () => {
    const check = detachedOpenPgp()
    const signer = key.getFingerprint()
    expect(await check(content, [good], [keyring])).toMatchObject({ signer })
    expect(await check(content, [good], [other.toPublic().write(), keyring])).toMatchObject({ signer })
    const armored = Buffer.from(other.toPublic().armor() + key.toPublic().armor())
    expect(await check(content, [good], [armored])).toMatchObject({ signer })
    // Several signatures may be in one piece.
    const both = Buffer.concat([await signature(other), good])
    expect(await check(content, [both], [keyring])).toMatchObject({ signer })
  })

  test('are not without keys, without signatures, of something else', async () => {
    const check = detachedOpenPgp()
    for (const [bytes, signatures, keyrings] of [
      [content, [good], []],
      [content, [good], [Buffer.from('no keyring')]],
      [content, [], [keyring]],
      [content, [Buffer.alloc(0)], [keyring]],
      [Buffer.from('another'), [good], [keyring]],
      [content, [await signature(other)], [keyring]],
    ] as const) {
      const { signer } = await check(bytes, signatures, keyrings)
      expect(signer).toBeUndefined()
    }
  })

  test('count as long as their key does', async () => {
    const short = await newKey({ keyExpirationTime: (20 * day) / 1000 })
    const made = await signature(short)
    const at = (days: number) => detachedOpenPgp({ now: () => Date.now() + days * day })
    const rings = [short.toPublic().write()]
    expect(await at(1)(content, [made], rings)).toHaveProperty('signer')
    expect(await at(30)(content, [made], rings)).not.toHaveProperty('signer')
    // Nor before it was made.
    expect(await at(-5)(content, [made], rings)).not.toHaveProperty('signer')
  })

  test('that were damaged are never good, and never throw', async () => {
    const check = detachedOpenPgp()
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(good.length),
        async (at, change, cut) => {
          const damaged = Buffer.from(good)
          damaged[at]! ^= change
          const { signer } = await check(content, [damaged], [keyring])
          // The unsigned part of a packet may be anything.
          if (signer !== undefined) expect(signer).toBe(key.getFingerprint())
          await check(content, [good.subarray(0, cut), damaged.subarray(cut)], [keyring])
          expect((await check(Buffer.from('evil'), [damaged], [keyring])).signer).toBeUndefined()
        },
      ),
      { numRuns: 200 },
    )
  })
})

test('keys become binary, without secrets', async () => {
  const armored = Buffer.from(key.armor())
  await expect(binaryOpenPgpKeys(Buffer.from('nothing'))).rejects.toThrow()
  await expect(binaryOpenPgpKeys(armored)).rejects.toThrow()
  const binary = await binaryOpenPgpKeys(Buffer.from(key.toPublic().armor()))
  expect(Buffer.from(binary)).toEqual(Buffer.from(keyring))
  const read = await openpgp.readKeys({ binaryKeys: await binaryOpenPgpKeys(key.write()) })
  expect(read.every((each) => !each.isPrivate())).toBe(true)
})
