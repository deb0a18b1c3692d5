import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { addon, describeNative, sampleBytes, scratch, verityByLevels } from './support.js'

interface Vector {
  readonly pattern: string
  readonly size: number
  readonly sha256: string
  readonly sha512: string
}
const golden = JSON.parse(readFileSync(new URL('golden/fsverity-vectors.json', import.meta.url), 'utf8')) as {
  vectors: Vector[]
}

const content = ({ pattern, size }: Vector) => {
  const bytes = Buffer.alloc(size)
  if (pattern === 'ramp251') for (let i = 0; i < size; i++) bytes[i] = i % 251
  return bytes
}
const algorithms = [
  [1, 'sha256'],
  [2, 'sha512'],
] as const

describeNative('fs-verity digests', () => {
  test('every engine gives the golden digests, whole and in chunks', () => {
    for (const vector of golden.vectors) {
      const bytes = content(vector)
      for (const [algorithm, name] of algorithms) {
        expect(addon.verityDigest(bytes, algorithm)).toBe(vector[name])
        for (const engine of addon.internals.verityEngines(algorithm)) {
          const small = vector.size < 20_000_000 ? [0, 5000, 4096] : []
          for (const chunkBytes of [1 << 20, ...small, ...(vector.size < 70_000 ? [1] : [])]) {
            const digest = addon.internals.verityDigestBy(bytes, algorithm, engine, chunkBytes)
            expect(digest, `${vector.size} bytes by ${engine} in ${chunkBytes}`).toBe(vector[name])
          }
        }
      }
    }
  })

  test('engines agree for every number of lanes that is left over, wherever blocks lie', () => {
    for (let blocks = 1; blocks < 40; blocks++) {
      // Different bytes in every block and at every alignment: lanes must not be confused.
      const bytes = sampleBytes(blocks * 4096 + 64, blocks).subarray(
        blocks,
        blocks + blocks * 4096 - (blocks % 3),
      )
      for (const [algorithm] of algorithms) {
        const [engine, ...others] = addon.internals.verityEngines(algorithm).reverse()
        expect(engine).toBe('openssl')
        const expected = addon.internals.verityDigestBy(bytes, algorithm, 'openssl', 0)
        for (const other of others) {
          for (const chunkBytes of [0, 4095, 12_289, 40_000]) {
            expect(addon.internals.verityDigestBy(bytes, algorithm, other, chunkBytes)).toBe(expected)
          }
        }
      }
    }
  })

  test('every tree of two and three levels has its own shape', () => {
    const sizes = [64, 65, 128, 129, 64 * 64, 64 * 64 + 1, 128 * 128, 128 * 128 + 1].map(
      (blocks) => blocks * 4096,
    )
    for (const size of sizes) {
      const bytes = Buffer.alloc(size, 0xa5)
      bytes.writeUInt32LE(size, size - 4)
      for (const [algorithm] of algorithms) {
        expect(addon.verityDigest(bytes, algorithm)).toBe(verityByLevels(bytes, algorithm))
      }
    }
  })

  test('BOOTC_SDK_CPU takes instructions away', () => {
    const program = `
      const addon = require(${JSON.stringify(new URL('../load.cjs', import.meta.url).pathname)}).load().addon
      const { verityEngines, sha256Name } = addon.internals
      console.log(JSON.stringify([verityEngines(1), verityEngines(2), sha256Name, addon.verityDigest(Buffer.alloc(99999), 2)]))`
    const run = (limit?: string) =>
      JSON.parse(
        execFileSync(process.execPath, ['-e', program], {
          encoding: 'utf8',
          env: { ...process.env, ...(limit === undefined ? {} : { BOOTC_SDK_CPU: limit }) },
        }),
      ) as [string[], string[], string, string]
    const digest = addon.verityDigest(Buffer.alloc(99999), 2)
    expect(run('baseline')).toEqual([['openssl'], ['openssl'], 'openssl', digest])
    expect(run('avx2')[1]).not.toContain('avx512')
    expect(run('avx2')[3]).toBe(digest)
    expect(run()[1]).toEqual(addon.internals.verityEngines(2))
  })

  test('bad arguments are refused', () => {
    expect(() => addon.verityDigest(Buffer.alloc(1), 3 as 1)).toThrow(/algorithm/)
    expect(() => addon.verityDigest('text' as never, 1)).toThrow(/Uint8Array/)
    expect(() => addon.verityDigestFiles([], 1, { threads: 0 })).toThrow(/threads/)
    expect(() => addon.internals.verityDigestBy(Buffer.alloc(1), 1, 'abacus', 0)).toThrow(/abacus/)
  })
})

describeNative('fs-verity digests of files', () => {
  const dir = scratch()

  test('small and large files, in any number of threads, in the order of their paths', async () => {
    const sizes = [
      0, 1, 4096, 4097, 100_000, 524_288, 524_289, 1_000_000, 5_000_000, 17_000_000, 33_554_431, 3,
    ]
    const contents = sizes.map((size, i) => sampleBytes(size, i + 1))
    const paths = contents.map((bytes, i) => {
      writeFileSync(join(dir, String(i)), bytes)
      return join(dir, String(i))
    })
    for (const [algorithm] of algorithms) {
      const expected = contents.map((bytes) => ({
        digest: addon.verityDigest(bytes, algorithm),
        sizeBytes: bytes.length,
      }))
      for (const threads of [1, 2, 5]) {
        expect(await addon.verityDigestFiles(paths, algorithm, { threads })).toEqual(expected)
      }
    }
  })

  test('many small files share the lanes', async () => {
    mkdirSync(join(dir, 'many'))
    const contents = Array.from({ length: 700 }, (_, i) => sampleBytes((i * 131) % 9000, i + 1))
    const paths = contents.map((bytes, i) => {
      writeFileSync(join(dir, 'many', String(i)), bytes)
      return join(dir, 'many', String(i))
    })
    const results = await addon.verityDigestFiles(paths, 2)
    expect(results.map((result) => 'digest' in result && result.digest)).toEqual(
      contents.map((bytes) => addon.verityDigest(bytes, 2)),
    )
  })

  test('what cannot be read has a code and does not fail the others', async () => {
    const path = join(dir, 'good')
    writeFileSync(path, 'hello world')
    const sparse = join(dir, 'sparse')
    writeFileSync(sparse, '')
    truncateSync(sparse, 20_000_000)
    execFileSync('mkfifo', [join(dir, 'pipe')])
    const paths = [join(dir, 'missing'), dir, path, join(dir, 'pipe'), sparse]
    const digest = '1e2eaa4202d750a41174ee454970b92c1bc2f925b1e35076d8c7d5f56362ba64'
    expect(await addon.verityDigestFiles(paths, 1)).toEqual([
      { code: 'ENOENT' },
      { code: 'EISDIR' },
      { digest, sizeBytes: 11 },
      { code: 'EINVAL' },
      { digest: addon.verityDigest(Buffer.alloc(20_000_000), 1), sizeBytes: 20_000_000 },
    ])
    expect(await addon.verityDigestFiles([], 2)).toEqual([])
  })
})
