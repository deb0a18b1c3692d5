import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { addon, describeNative } from './support.js'

describeNative('sha256', () => {
  test('gives the vectors of FIPS 180-4', () => {
    const vectors: [string, string][] = [
      ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
      ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
      [
        'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
        '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
      ],
      ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
    ]
    for (const [text, digest] of vectors) {
      for (const openssl of [false, true])
        expect(addon.internals.sha256(Buffer.from(text), openssl)).toBe(digest)
    }
  })

  test('agrees with node:crypto for every length around block borders', () => {
    for (let size = 0; size < 520; size++) {
      const data = randomBytes(size)
      const digest = createHash('sha256').update(data).digest('hex')
      expect(addon.internals.sha256(data), `${size} bytes`).toBe(digest)
      expect(addon.internals.sha256(data, true), `${size} bytes, openssl`).toBe(digest)
    }
  })
})
