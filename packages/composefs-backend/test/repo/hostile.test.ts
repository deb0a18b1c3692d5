import { existsSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isBootcError, type Dir } from '@bootc-sdk/core'
import { getNative } from '@bootc-sdk/core/node'
import { memoryDir, zstdBomb } from '@bootc-sdk/core/testing'
import { encodeSplitstreamPrefix } from '../../src/format/splitstream.js'
import { emptyZstdFrame, RawZstdEncoder } from '../../src/format/zstd-frame.js'
import { initComposefsRepo, openComposefsRepo, type ComposefsRepo } from '../../src/repo/index.js'
import { backings, readAll, temporaryDir } from './backings.js'
import { goldenIndex, unpackRepo } from './golden-repos.js'

const native = false

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (isBootcError(error) ? error.code : String(error)),
  )

/** Read everything that a splitstream says. */
async function readStream(repo: ComposefsRepo, id: string): Promise<number> {
  const reader = await repo.openStream(id)
  let length = 0
  for await (const chunk of reader.read()) length += chunk.length
  return length
}

const allowed = /^(no error|STORE_COMPOSEFS_(BAD_STREAM|NO_OBJECT))$/

const at = (id: string) => `objects/${id.slice(0, 2)}/${id.slice(2)}`

function frame(...chunks: Uint8Array[]): Buffer {
  const encoder = new RawZstdEncoder()
  return Buffer.concat([...chunks.map((chunk) => encoder.push(chunk)), encoder.end()])
}

function number(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

describe('a hostile splitstream', () => {
  /** The object lies under a name that is not its digest, as an attacker's would not; reading streams does not care. */
  async function withObject(
    work: (repo: ComposefsRepo, put: (bytes: Uint8Array) => Promise<string>) => Promise<void>,
  ) {
    const dir = memoryDir()
    await unpackRepo('s256v1', dir)
    await using repo = await openComposefsRepo(dir, { native })
    const id = 'ab'.repeat(32)
    await dir.mkdir(`objects/ab`).catch(() => undefined)
    await work(repo, async (bytes) => {
      await dir.write(at(id), bytes)
      return id
    })
  }

  it('is refused, or read to its end, wherever it is cut', () =>
    withObject(async (repo, put) => {
      const { object } = Object.entries(goldenIndex('s256v1').streams).find(([name]) =>
        name.includes('layer'),
      )![1]
      const bytes = await repo.readObject(object, 1 << 20)
      for (let cut = 0; cut < bytes.length; cut += cut < 200 ? 1 : 7) {
        const code = await codeOf(readStream(repo, await put(bytes.subarray(0, cut))))
        expect(code, `cut at ${cut}`).toBe('STORE_COMPOSEFS_BAD_STREAM')
      }
    }))

  it('never does worse than an error of ours, whatever is changed', () =>
    withObject(async (repo, put) => {
      const streams = Object.values(goldenIndex('s256v1').streams)
      const all = await Promise.all(streams.map(({ object }) => repo.readObject(object, 1 << 20)))
      await fc.assert(
        fc.asyncProperty(
          fc.nat(all.length - 1),
          fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
            minLength: 1,
            maxLength: 4,
          }),
          async (which, changes) => {
            const bytes = Buffer.from(all[which]!)
            for (const [share, value] of changes) bytes[Math.floor(share * (bytes.length - 1))] = value
            expect(await codeOf(readStream(repo, await put(bytes)))).toMatch(allowed)
          },
        ),
        { numRuns: 600 },
      )
    }))

  const prefix = (parts: { names?: Uint8Array; stream: Uint8Array; size: number; objects?: string[] }) =>
    Buffer.concat([
      encodeSplitstreamPrefix({
        algorithm: 'sha256',
        streamRefs: [],
        objectRefs: parts.objects ?? [],
        namedRefs: parts.names ?? emptyZstdFrame,
        streamBytes: parts.stream.length,
        contentType: 1n,
        sizeBytes: parts.size,
      }),
      parts.stream,
    ])

  it.each([
    ['inline bytes beyond what it states', frame(number(-10n), Buffer.alloc(10)), 9],
    ['a huge inline run', frame(number(-(2n ** 62n)), Buffer.alloc(10)), 10],
    ['the smallest number there is', frame(number(-(2n ** 63n))), 2 ** 52],
    ['an object that it does not list', frame(number(0n)), 0],
    ['less than it states', frame(number(-10n), Buffer.alloc(10)), 11],
    ['an inline run that ends early', frame(number(-10n), Buffer.alloc(9)), 10],
    ['half a number', frame(Buffer.alloc(7)), 0],
    ['no zstd', Buffer.from('not zstd'), 0],
    ['nothing where a frame should be', Buffer.alloc(0), 5],
  ])('with %s is refused', (_, stream, size) =>
    withObject(async (repo, put) => {
      const id = await put(prefix({ stream, size }))
      expect(await codeOf(readStream(repo, id))).toBe('STORE_COMPOSEFS_BAD_STREAM')
    }),
  )

  it('that is a bomb is stopped by the size that it states, and its names by a limit', () =>
    withObject(async (repo, put) => {
      const bomb = zstdBomb(256 << 20)
      expect(bomb.length).toBeLessThan(1 << 20)
      const stated = prefix({ stream: bomb, size: 100 })
      expect(await codeOf(readStream(repo, await put(stated)))).toBe('STORE_COMPOSEFS_BAD_STREAM')
      const names = prefix({ names: bomb, stream: emptyZstdFrame, size: 0 })
      expect(await codeOf(repo.openStream(await put(names)))).toBe('STORE_COMPOSEFS_BAD_STREAM')
    }))

  it('with more references than an image may have files is refused before they are read', async () => {
    await using place = await temporaryDir()
    await unpackRepo('s256v1', place.dir)
    await using repo = await openComposefsRepo(place.dir, { native })
    const id = 'ab'.repeat(32)
    const head = prefix({ stream: emptyZstdFrame, size: 0 })
    const bytes = 300 << 20
    // End of the list of streams: behind its start in the info section.
    head.writeBigUInt64LE(head.readBigUInt64LE(32) + BigInt(bytes), 40)
    mkdirSync(join(place.path, 'objects/ab'), { recursive: true })
    writeFileSync(join(place.path, at(id)), head)
    truncateSync(join(place.path, at(id)), 2 * bytes)
    expect(await codeOf(repo.openStream(id))).toBe('STORE_COMPOSEFS_BAD_STREAM')
  })

  it('that names an object which is not there says so', () =>
    withObject(async (repo, put) => {
      const objects = ['cd'.repeat(32)]
      const id = await put(prefix({ stream: frame(number(0n)), size: 5, objects }))
      expect((await repo.openStream(id)).objectRefs).toEqual(objects)
      expect(await codeOf(readStream(repo, id))).toBe('STORE_COMPOSEFS_NO_OBJECT')
    }))

  it.skipIf(getNative() === undefined)('is treated the same by the addon', async () => {
    await using place = await temporaryDir()
    await using repo = await initComposefsRepo(place.dir, { algorithm: 'sha256' })
    const put = async (bytes: Uint8Array): Promise<string> => {
      await using transaction = await repo.begin()
      const id = await transaction.putObject(bytes)
      await transaction.commit()
      return id
    }
    // Beyond the size where the addon is used.
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 31) >> 7))
    const good = frame(number(-300_000n), noise)
    expect(await readStream(repo, await put(prefix({ stream: good, size: 300_000 })))).toBe(300_000)
    const cases = [
      prefix({ stream: good, size: 299_999 }),
      prefix({ stream: good, size: 300_001 }),
      prefix({ stream: good.subarray(0, 250_000), size: 300_000 }),
      prefix({ stream: Buffer.concat([good.subarray(0, 200_000), Buffer.alloc(100_000)]), size: 300_000 }),
      prefix({ stream: Buffer.concat([zstdBomb(1 << 30), Buffer.alloc(200_000)]), size: 1000 }),
    ]
    for (const bytes of cases) {
      expect(await codeOf(readStream(repo, await put(bytes)))).toBe('STORE_COMPOSEFS_BAD_STREAM')
    }
    // Left in the middle: nothing hangs and nothing stays open.
    for await (const piece of (
      await repo.openStream(await put(prefix({ stream: good, size: 300_000 })))
    ).pieces()) {
      expect(piece).toBeDefined()
      break
    }
  })
})

describe.each(backings)('a hostile repository, in $name', (backing) => {
  async function withRepo(work: (repo: ComposefsRepo, dir: Dir) => Promise<void>): Promise<void> {
    await using place = await backing.make()
    await using repo = await initComposefsRepo(place.dir, { native: backing.native, requireVerity: false })
    await work(repo, place.dir)
  }

  it('does not lead outside by the links that stand for objects', () =>
    withRepo(async (repo, dir) => {
      const id = 'ab'.repeat(64)
      await dir.mkdir('objects/ab')
      await dir.symlink('/etc/passwd', at(id))
      expect(await repo.hasObject(id)).toBe(false)
      expect(await codeOf(readAll(repo.openObject(id)))).toBe('STORE_COMPOSEFS_CORRUPT')
      expect(await codeOf(repo.readObject(id, 1 << 20))).toBe('STORE_COMPOSEFS_CORRUPT')
      expect(await codeOf(repo.openStream(id))).toBe('STORE_COMPOSEFS_NO_OBJECT')
      const listed: string[] = []
      for await (const object of repo.listObjects()) listed.push(object.id)
      expect(listed).toEqual([])
      await dir.mkdir('streams')
      await dir.symlink('../../../../../../etc/passwd', 'streams/s')
      expect(await codeOf(repo.stream('s'))).toBe('STORE_COMPOSEFS_BROKEN_REF')
      for await (const stream of repo.listStreams()) expect(stream).toBeUndefined()
    }))

  it('does not lead outside by links that stand for directories', () =>
    withRepo(async (repo, dir) => {
      await using outside = await temporaryDir()
      mkdirSync(join(outside.path, 'target'))
      const rest = 'cd'.repeat(63)
      writeFileSync(join(outside.path, rest), 'x')
      await dir.symlink(outside.path, 'objects/cd')
      await dir.symlink(outside.path, 'images')
      await dir.symlink(outside.path, 'streams')
      expect(await codeOf(readAll(repo.openObject(`cd${rest}`)))).not.toBe('no error')
      expect(await codeOf(repo.stream('target'))).not.toBe('no error')
      for await (const image of repo.listImages()) expect(image).toBeUndefined()
      const report = await repo.fsck()
      expect(report.problems.map(({ kind }) => kind)).toEqual([
        'unexpected-file-type',
        'unexpected-file-type',
      ])
      await using transaction = await repo.begin()
      const writer = transaction.splitstream(1n)
      transaction.setStream('s', await writer.finish())
      expect(await codeOf(transaction.commit())).not.toBe('no error')
      await repo.gc()
      expect(existsSync(join(outside.path, rest))).toBe(true)
      expect(existsSync(join(outside.path, 's'))).toBe(false)
    }))

  it('says which object has other bytes than its name', () =>
    withRepo(async (repo, dir) => {
      await using transaction = await repo.begin()
      const id = await transaction.putObject(Buffer.from('good'))
      await transaction.commit()
      await dir.remove(at(id))
      await dir.write(at(id), Buffer.from('evil'))
      expect(await codeOf(repo.readObject(id, 100))).toBe('STORE_COMPOSEFS_CORRUPT')
      expect(await codeOf(repo.readObject(id, 3))).toBe('STORE_COMPOSEFS_CORRUPT')
      await dir.remove(at(id))
      expect(await codeOf(repo.readObject(id, 100))).toBe('STORE_COMPOSEFS_NO_OBJECT')
      expect(await codeOf(readAll(repo.openObject(id)))).toBe('STORE_COMPOSEFS_NO_OBJECT')
    }))

  it('refuses ids and names that are paths', () =>
    withRepo(async (repo) => {
      for (const id of [
        '',
        '..',
        '../../etc/passwd',
        'ab',
        'AB'.repeat(64),
        'ab'.repeat(32),
        `${'ab'.repeat(63)}/.`,
      ]) {
        expect(await codeOf(repo.hasObject(id)), id).toBe('STORE_COMPOSEFS_INVALID')
        expect(await codeOf(readAll(repo.openObject(id))), id).toBe('STORE_COMPOSEFS_INVALID')
        expect(await codeOf(repo.hasImage(id)), id).toBe('STORE_COMPOSEFS_INVALID')
      }
      for (const name of ['', '..', 'a/b', '../meta.json', 'refs']) {
        expect(await codeOf(repo.stream(name)), name).toBe('STORE_COMPOSEFS_INVALID')
      }
      const list = async (prefix: string) => {
        for await (const ref of repo.listRefs('streams', prefix)) expect(ref).toBeUndefined()
      }
      expect(await codeOf(list('../..'))).toBe('STORE_COMPOSEFS_INVALID')
      expect(await codeOf(list('oci/'))).toBe('no error')
    }))
})

describe('a repository with objects of another algorithm', () => {
  it('reports them, and touches none', async () => {
    const dir = memoryDir()
    await unpackRepo('s256v1', dir)
    const meta = (await readAll(dir.read('meta.json'))).toString()
    await dir.write('meta.json', Buffer.from(meta.replace('sha256', 'sha512')))
    await using repo = await openComposefsRepo(dir, { native })
    const report = await repo.fsck()
    expect(new Set(report.problems.map(({ kind }) => kind))).toEqual(
      new Set(['object-invalid-name', 'broken-symlink']),
    )
    const { objects, problems } = await repo.gc()
    expect(objects).toBe(0)
    expect(problems.length).toBeGreaterThan(10)
    for (const { object } of Object.values(goldenIndex('s256v1').streams)) {
      expect(await dir.stat(at(object))).toBeDefined()
    }
  })
})

describe('a staging directory that is a trap', () => {
  it('is not followed when it is cleaned', async () => {
    await using place = await temporaryDir()
    await using outside = await temporaryDir()
    writeFileSync(join(outside.path, 'precious'), 'x')
    await using repo = await initComposefsRepo(place.dir)
    symlinkSync(outside.path, join(place.path, 'objects/.bootc-sdk-trap'))
    await repo.gc()
    expect(existsSync(join(outside.path, 'precious'))).toBe(true)
    expect(existsSync(join(place.path, 'objects/.bootc-sdk-trap'))).toBe(false)
  })
})
