import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getNative, nodeDir } from '@bootc-sdk/core/node'
import { memoryDir } from '@bootc-sdk/core/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { verityDigest } from '../../src/format/verity.js'
import { digestFiles, digestOf } from '../../src/repo/digest.js'
import { enableVerity, measureVerity } from '../../src/repo/verity-fs.js'

const dir = mkdtempSync(join(tmpdir(), 'bootc-digest-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const sizes = [0, 1, 4096, 4097, 262_145, 1_000_000]
const contents = sizes.map((size) => Buffer.alloc(size, `content of ${size}`))
const paths = contents.map((_, i) => join(dir, `${i}`))
for (const [i, content] of contents.entries()) writeFileSync(paths[i]!, content)

describe.each(['with the addon', 'without the addon'])('digests %s', (how) => {
  beforeAll(() => void getNative())
  afterEach(() => vi.unstubAllEnvs())
  const withHow = (body: () => Promise<void>) => async () => {
    // The addon looks at this at every call.
    if (how === 'without the addon') vi.stubEnv('BOOTC_SDK_NATIVE', '0')
    if (how === 'without the addon') expect(getNative()).toBeUndefined()
    await body()
  }

  test(
    'of bytes and of files are equal to the pure ones',
    withHow(async () => {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const expected = contents.map((content) => verityDigest(content, algorithm))
        expect(contents.map((content) => digestOf(content, algorithm))).toEqual(expected)
        expect(await digestFiles(paths, algorithm)).toEqual(
          expected.map((digest, i) => ({ digest, sizeBytes: sizes[i] })),
        )
      }
    }),
  )

  test(
    'a file that cannot be read has its code, and the others their digests',
    withHow(async () => {
      const answers = await digestFiles([join(dir, 'missing'), dir, paths[1]!], 'sha512', { threads: 1 })
      expect(answers).toEqual([
        { code: 'ENOENT' },
        { code: 'EISDIR' },
        { digest: verityDigest(contents[1]!, 'sha512'), sizeBytes: 1 },
      ])
    }),
  )

  test(
    'an abort is rethrown',
    withHow(async () => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(digestFiles(paths, 'sha256', { signal })).rejects.toThrow('enough')
    }),
  )
})

describe('fs-verity of a file system', () => {
  test('is enabled once and measured where there is one', async () => {
    const tree = memoryDir({ supports: { verity: true } })
    await tree.write('object', contents[3]!)
    expect(await measureVerity(tree, 'object')).toBeUndefined()
    expect(await enableVerity(tree, 'object', 'sha512')).toBe('enabled')
    expect(await enableVerity(tree, 'object', 'sha512')).toBe('already')
    const digest = verityDigest(contents[3]!, 'sha512')
    expect(await measureVerity(tree, 'object')).toEqual({ algorithm: 'sha512', digest })
    await expect(enableVerity(tree, 'missing', 'sha512')).rejects.toMatchObject({ code: 'TREE_NOT_FOUND' })
  })

  test('that there is none is said, never passed over', async () => {
    const tree = memoryDir()
    await tree.write('object', contents[1]!)
    expect(await enableVerity(tree, 'object', 'sha256')).toBe('unsupported')
    expect(await measureVerity(tree, 'object')).toBeUndefined()
    const host = nodeDir(dir)
    const answer = await enableVerity(host, '1', 'sha256')
    expect(answer).toBe(host.supports.verity ? 'enabled' : 'unsupported')
    expect((await measureVerity(host, '1'))?.digest).toBe(
      host.supports.verity ? verityDigest(contents[1]!, 'sha256') : undefined,
    )
  })
})
