import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verityDigest, VerityHasher } from '../../src/format/verity.js'

interface Vector {
  readonly pattern: string
  readonly size: number
  readonly sha256: string
  readonly sha512: string
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/verity/fsverity-vectors.json', import.meta.url), 'utf8'),
) as { vectors: Vector[] }

test('digests are those of fsverity, also of the empty file', () => {
  for (const vector of golden.vectors) {
    // The largest ones take seconds here; the addon's tests have them.
    if (vector.size > 20_000_000) continue
    const bytes = Buffer.alloc(vector.size)
    if (vector.pattern === 'ramp251') for (let i = 0; i < bytes.length; i++) bytes[i] = i % 251
    for (const algorithm of ['sha256', 'sha512'] as const) {
      expect(verityDigest(bytes, algorithm), `${vector.pattern} ${vector.size}`).toBe(vector[algorithm])
    }
  }
})

test('the chunks that bytes come in make no difference', () => {
  const bytes = Buffer.alloc(600_000, 'chunks')
  const expected = { sha256: verityDigest(bytes, 'sha256'), sha512: verityDigest(bytes, 'sha512') }
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 40 }),
      fc.constantFrom('sha256' as const, 'sha512' as const),
      (sizes, algorithm) => {
        const hasher = new VerityHasher(algorithm)
        let at = 0
        for (const size of sizes) {
          // The caller's buffer is his again after each call.
          const chunk = Uint8Array.from(bytes.subarray(at, at + size))
          hasher.update(chunk)
          chunk.fill(0)
          at = Math.min(at + size, bytes.length)
        }
        hasher.update(bytes.subarray(at))
        expect(hasher.sizeBytes).toBe(bytes.length)
        expect(hasher.digest()).toBe(expected[algorithm])
      },
    ),
    { numRuns: 40 },
  )
})
