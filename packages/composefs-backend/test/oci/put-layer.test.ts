import { isBootcError, type Bytes, type Digest } from '@bootc-sdk/core'
import { sha256Digest } from '@bootc-sdk/core/oci'
import { dirs, file, memoryDir } from '@bootc-sdk/core/testing'
import { packTar } from '@bootc-sdk/core/tar'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { objectPath } from '../../src/format/types.js'
import { layerStream } from '../../src/oci/names.js'
import { putLayer } from '../../src/oci/put-layer.js'
import { readLayer } from '../../src/oci/read-layer.js'
import { initComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { streamOf } from './layouts.js'

const freshRepo = (): Promise<ComposefsRepo> => initComposefsRepo(memoryDir(), { algorithm: 'sha256' })

async function put(repo: ComposefsRepo, archive: Uint8Array, chunkBytes?: number): Promise<Digest> {
  const diffId = sha256Digest(archive)
  await putLayer(repo, { diffId, tar: streamOf(archive, chunkBytes), id: diffId }, {})
  return diffId
}

async function bytesOf(source: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Sizes of files that lie in objects, and whether bytes between them are there. */
async function objectSizes(repo: ComposefsRepo, diffId: Digest): Promise<number[]> {
  const stream = await repo.openStream((await repo.stream(layerStream(diffId)))!)
  const sizes: number[] = []
  for await (const piece of stream.pieces()) {
    if ('object' in piece) sizes.push((await repo.objectSize(piece.object))!)
  }
  return sizes
}

/** One member of another type, without the end marker. */
function withTypeFlag(archive: Buffer, flag: number): Buffer {
  const header = Buffer.from(archive.subarray(0, archive.length - 1024))
  header[156] = flag
  header.fill(0x20, 148, 156)
  const sum = header.subarray(0, 512).reduce((all, byte) => all + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'none'
  } catch (error) {
    return isBootcError(error) ? error.code : String(error)
  }
}

describe('layers as splitstreams', () => {
  test('content of regular files of more than 64 bytes becomes objects, in order', async () => {
    await using repo = await freshRepo()
    const sizes = [0, 1, 63, 64, 65, 511, 512, 513, 1_000_000, 66]
    const members = sizes.map((size, i) => file(`f${i}`, 'x'.repeat(size)))
    const odd = [0x37, 0].map((flag) => withTypeFlag(packTar([file('odd', 'y'.repeat(70))]), flag))
    const archive = Buffer.concat([...odd, packTar([...dirs('d'), ...members])])
    const diffId = await put(repo, archive)
    expect(await objectSizes(repo, diffId)).toEqual([70, 70, 65, 511, 512, 513, 1_000_000, 66])
  })

  test('what is no regular file stays inline, whatever its size', async () => {
    await using repo = await freshRepo()
    const name = `${'long/'.repeat(60)}name`
    const xattrs = [{ name: 'user.big', value: Buffer.alloc(5000, 1) }]
    const diffId = await put(
      repo,
      packTar([
        { name, type: 'symlink', linkName: name },
        { name: 'x', xattrs },
      ]),
    )
    expect(await objectSizes(repo, diffId)).toEqual([])
  })

  test('the archive comes back byte for byte, however it arrives and whatever follows its end', async () => {
    const member = fc.record({
      name: fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,60}){0,4}$/),
      size: fc.oneof(fc.nat(200), fc.constantFrom(64, 65, 512, 4096, 100_000)),
      mtime: fc.oneof(fc.nat(2 ** 31), fc.constant(1.5)),
      big: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { maxLength: 12 }),
        fc.constantFrom(0, 512, 9000),
        fc.constantFrom(1000, 4096, 10_240, 1 << 20),
        async (members, padding, chunkBytes) => {
          await using repo = await freshRepo()
          const archive = Buffer.concat([
            packTar(
              members.map(({ name, size, mtime, big }, i) => ({
                name,
                data: Buffer.alloc(size, i),
                mtime,
                ...(big ? { xattrs: [{ name: 'user.a', value: Buffer.alloc(700, i) }] } : {}),
              })),
            ),
            Buffer.alloc(padding, 0x55),
          ])
          const diffId = await put(repo, archive, chunkBytes)
          expect((await bytesOf(readLayer(repo, diffId))).equals(archive)).toBe(true)
          expect(await objectSizes(repo, diffId)).toEqual(
            members.map(({ size }) => size).filter((size) => size > 64),
          )
        },
      ),
      { numRuns: 40 },
    )
  })

  test('many small files behind a large one do not pile up in memory', async () => {
    await using repo = await freshRepo()
    const pax = { comment: 'c'.repeat(60_000) }
    const members = [file('large', Buffer.alloc(3_000_000, 7))]
    for (let i = 0; i < 400; i++) members.push(file(`small${i}`, 'z'.repeat(65 + i), { pax }))
    const archive = packTar(members)
    const diffId = await put(repo, archive, 1 << 20)
    expect((await bytesOf(readLayer(repo, diffId))).equals(archive)).toBe(true)
  })

  test('an archive that ends between members is whole, one that ends elsewhere is refused', async () => {
    const members = [file('a', 'a'.repeat(700)), file('b', 'b')]
    const archive = packTar(members)
    for (const [length, code] of [
      [0, 'none'],
      [100, 'IMAGE_TAR_CORRUPT'],
      [512, 'IMAGE_TAR_CORRUPT'],
      [800, 'IMAGE_TAR_CORRUPT'],
      [1300, 'IMAGE_TAR_CORRUPT'],
      [1536, 'none'],
      [2100, 'IMAGE_TAR_CORRUPT'],
    ] as const) {
      await using repo = await freshRepo()
      expect([length, await codeOf(put(repo, archive.subarray(0, length)))]).toEqual([length, code])
    }
  })

  test('sparse files are refused, and nothing of the layer is left', async () => {
    await using repo = await freshRepo()
    const archive = packTar([file('a', 'a'.repeat(700)), { name: 'f', pax: { 'GNU.sparse.major': '1' } }])
    expect(await codeOf(put(repo, archive))).toBe('IMAGE_TAR_UNSUPPORTED')
    for await (const { id } of repo.listObjects()) expect(id).toBe('none')
    for await (const { contentId } of repo.listStreams()) expect(contentId).toBe('none')
  })

  test('a failure after the end marker leaves nothing either', async () => {
    await using repo = await freshRepo()
    const archive = packTar([file('a', 'a'.repeat(700))])
    const failure = new Error('digest does not match')
    const spoiled = (async function* () {
      yield* streamOf(archive)
      throw failure
    })()
    const diffId = sha256Digest(archive)
    await expect(putLayer(repo, { diffId, tar: spoiled, id: diffId }, {})).rejects.toBe(failure)
    expect(await repo.stream(layerStream(diffId))).toBeUndefined()
    for await (const { id } of repo.listObjects()) expect(id).toBe('none')
  })

  test('an object that changed is noticed when the layer is read', async () => {
    await using repo = await freshRepo()
    const diffId = await put(repo, packTar([file('a', 'a'.repeat(700))]))
    const stream = await repo.openStream((await repo.stream(layerStream(diffId)))!)
    await repo.dir.write(`objects/${objectPath(stream.objectRefs[0]!)}`, Buffer.alloc(700, 'b'))
    expect(await codeOf(bytesOf(readLayer(repo, diffId)))).toBe('IMAGE_DIFFID_MISMATCH')
  })
})
