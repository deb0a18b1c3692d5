import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { readKeys } from 'openpgp'
import { describe, expect, test } from 'vitest'
import { isKeybox, keyboxKeys } from '../src/keybox.js'
import { binaryOpenPgpKeys, detachedOpenPgp, signatureVerifiers } from '../src/index.js'

const golden = (name: string) => readFileSync(new URL(`golden/keybox/${name}`, import.meta.url))
const keybox = golden('pubring.kbx')
const exported = golden('exported.gpg')
const content = golden('content')
/** Before the keys of the golden data lapse, if they ever do. */
const now = () => Date.parse('2026-11-23')
const check = detachedOpenPgp({ now })

describe('a keybox of gpg', () => {
  test('holds the keys that gpg exports, in order', async () => {
    expect(isKeybox(keybox)).toBe(true)
    expect(isKeybox(exported)).toBe(false)
    const keys = keyboxKeys(keybox)
    expect(keys).toHaveLength(2)
    const fingerprints = async (bytes: Uint8Array) =>
      (await readKeys({ binaryKeys: bytes })).map((key) => key.getFingerprint())
    // Not the same bytes: what is exported lacks gpg's notes about trust.
    const inOrder = (await Promise.all(keys.map(fingerprints))).flat()
    expect(inOrder).toEqual(await fingerprints(exported))
  })

  test('is a keyring of OSTree remotes, as for libostree', async () => {
    for (const name of ['one', 'two']) {
      expect(await check(content, [golden(`${name}.sig`)], [keybox]), name).toHaveProperty('signer')
    }
    expect(await check(content, [golden('one.sig')], [Buffer.from('other'), keybox])).toHaveProperty('signer')
    expect(await check(Buffer.from('other'), [golden('one.sig')], [keybox])).not.toHaveProperty('signer')
  })

  test('does not give keys that were deleted from it', async () => {
    const { signer, problems } = await check(content, [golden('gone.sig')], [keybox])
    expect(signer).toBeUndefined()
    expect(problems).toEqual([expect.stringMatching(/^key [0-9a-f]{16} is unknown$/)])
  })

  test('is no keyring of policies, and none to import, as for skopeo and ostree', async () => {
    await expect(signatureVerifiers({ now }).openpgp(content, [keybox])).rejects.toThrow(
      /a keybox is no keyring/,
    )
    await expect(binaryOpenPgpKeys(keybox)).rejects.toThrow(/a keybox is no keyring/)
  })

  test('that has no keys in it gives none', async () => {
    const empty = keybox.subarray(0, 32)
    expect(keyboxKeys(empty)).toEqual([])
    expect(await check(content, [golden('one.sig')], [empty])).toEqual({
      problems: ['there are no OpenPGP keys'],
    })
  })

  test.each<[string, (bytes: Buffer) => unknown]>([
    ['a blob of length 0', (bytes) => bytes.writeUInt32BE(0, 32)],
    ['a blob longer than the file', (bytes) => bytes.writeUInt32BE(keybox.length, 32)],
    ['a blob of 4 GiB', (bytes) => bytes.writeUInt32BE(0xffffffff, 32)],
    ['keys behind their blob', (bytes) => bytes.writeUInt32BE(780, 40)],
    ['keys before their blob', (bytes) => bytes.writeUInt32BE(0, 40)],
    ['more keys than blob', (bytes) => bytes.writeUInt32BE(0xffffffff, 44)],
  ])('is refused with %s', async (_what, damage) => {
    const bytes = Buffer.from(keybox)
    damage(bytes)
    expect(() => keyboxKeys(bytes)).toThrow(RangeError)
    const { signer, problems } = await check(content, [golden('one.sig')], [bytes])
    expect(signer).toBeUndefined()
    expect(problems[0]).toMatch(/^keys cannot be read: a keybox with/)
  })

  test('cut or changed anywhere is read or refused, and ends', async () => {
    const damaged = fc
      .tuple(
        fc.nat(keybox.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 32, max: keybox.length }),
      )
      .map(([at, flip, end]) => {
        const bytes = Buffer.from(keybox)
        bytes[at]! ^= flip
        return bytes.subarray(0, end)
      })
    await fc.assert(
      fc.asyncProperty(damaged, async (bytes) => {
        const { signer } = await check(Buffer.from('never signed'), [golden('one.sig')], [bytes])
        expect(signer).toBeUndefined()
        if (!isKeybox(bytes)) return
        try {
          for (const key of keyboxKeys(bytes)) expect(key.length).toBeLessThan(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
      { numRuns: 300 },
    )
  }, 60_000)
})

test('a keyring that cannot be read does not spoil others, as for skopeo', async () => {
  const { openpgp } = signatureVerifiers({ now })
  await expect(openpgp(content, [Buffer.from('garbage'), exported])).rejects.toThrow(
    /OpenPGP verification failed/,
  )
  await expect(openpgp(content, [Buffer.from('garbage')])).rejects.toThrow(
    /the policy gives no OpenPGP keys; /,
  )
})
