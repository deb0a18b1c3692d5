import { readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { getNative } from '@bootc-sdk/core/node'
import type { Dir } from '@bootc-sdk/core'
import { printMetaJson, newMetaJson } from '../../src/format/meta-json.js'
import { openComposefsRepo, tagOf, type ComposefsRepo } from '../../src/repo/index.js'
import { backings, readAll } from './backings.js'
import { goldenIndex, goldenOci, goldenRepos, unpackRepo, type GoldenRepo } from './golden-repos.js'

const typeText = (type: bigint): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(type)
  return bytes.toString('latin1')
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Every path of a repository that is not a staging directory, with what it holds. */
async function describeFiles(dir: Dir, path = ''): Promise<string[]> {
  const lines: string[] = []
  for await (const { name, stat } of dir.list(path)) {
    const full = path === '' ? name : `${path}/${name}`
    if (stat.type === 'directory') lines.push(...(await describeFiles(dir, full)))
    else if (stat.type === 'symlink') lines.push(`${full} -> ${await dir.readlink(full)}`)
    else lines.push(`${full} ${stat.sizeBytes}`)
  }
  return lines
}

describe.each(backings)('repositories made by cfsctl, in $name', ({ make, native }) => {
  describe.each(goldenRepos)('$name', (golden) => {
    async function withRepo(work: (repo: ComposefsRepo, golden: GoldenRepo) => Promise<void>): Promise<void> {
      await using place = await make()
      await unpackRepo(golden.name, place.dir)
      await using repo = await openComposefsRepo(place.dir, { native })
      await work(repo, golden)
    }

    it('opens and says what it is', () =>
      withRepo(async ({ meta, verity }) => {
        expect(meta).toEqual({
          algorithm: golden.algorithm,
          erofsVersion: golden.erofsVersion,
          extraErofsVersions: [],
        })
        expect(verity.mode).toBe('optional')
      }))

    it('lists what is in it', () =>
      withRepo(async (repo) => {
        const { entries, streams } = goldenIndex(golden.name)
        const paths = (pattern: RegExp) =>
          entries.flatMap(({ path }) => pattern.exec(path)?.slice(1).join('') ?? []).sort()
        const objects = await all(repo.listObjects())
        expect(objects.map(({ id }) => id)).toEqual(paths(/^objects\/(..)\/(.+)$/))
        expect((await all(repo.listImages())).sort()).toEqual(
          paths(/^images\/([^/]+)$/).filter((n) => n !== 'refs'),
        )
        const listed = await all(repo.listStreams())
        expect(Object.fromEntries(listed.map(({ contentId, id }) => [contentId, id]))).toEqual(
          Object.fromEntries(Object.entries(streams).map(([name, { object }]) => [name, object])),
        )
        const tags = (await all(repo.listRefs('streams', 'oci'))).map(({ name }) => tagOf(name))
        expect(tags).toContain('basic:v1')
        expect(await repo.readRef('streams', 'oci/basic:v1')).toMatch(/^oci-manifest-sha256:[0-9a-f]{64}$/)
      }))

    it('reads every stream as it was written', () =>
      withRepo(async (repo) => {
        for (const [name, stream] of Object.entries(goldenIndex(golden.name).streams)) {
          const reader = await repo.openStream(stream.object)
          expect(typeText(reader.contentType)).toBe(stream.content_type)
          expect(reader.sizeBytes).toBe(stream.stream_size)
          expect(reader.objectRefs).toEqual(stream.object_refs)
          expect(reader.streamRefs).toEqual(stream.stream_refs)
          const names = [...reader.namedRefs].map(([ref, id]) => `${reader.streamRefs.indexOf(id)}:${ref}`)
          expect(names).toEqual(stream.named_refs_decompressed)
          const content = await readAll(reader.read())
          expect(content.length).toBe(stream.stream_size)
          const digest = /^oci-(?:config|manifest|blob|layer)-sha256:([0-9a-f]{64})$/.exec(name)?.[1]
          const { createHash } = await import('node:crypto')
          expect(createHash('sha256').update(content).digest('hex')).toBe(digest)
        }
      }))

    it('finds nothing wrong, and nothing to collect', () =>
      withRepo(async (repo) => {
        const report = await repo.fsck()
        expect(report.problems).toEqual([])
        expect(report).toMatchObject({ metadata: true, brokenLinks: 0, missingObjects: 0 })
        expect(report.objects.checked).toBeGreaterThan(20)
        expect(report.streams).toEqual({
          checked: Object.keys(goldenIndex(golden.name).streams).length,
          bad: 0,
        })
        const before = await describeFiles(repo.dir)
        const nothing = { objects: 0, bytes: 0, images: 0, streams: 0, problems: [] }
        expect(await repo.gc({}, { dryRun: true })).toEqual(nothing)
        expect(await repo.gc()).toEqual(nothing)
        expect(await describeFiles(repo.dir)).toEqual(before)
      }))

    it('writes each stream again with the same bytes where libzstd is at hand', () =>
      withRepo(async (repo) => {
        const { streams } = goldenIndex(golden.name)
        await using transaction = await repo.begin()
        const same = (native !== false && getNative() !== undefined) || 'createZstdCompress' in zlib
        for (const { object } of Object.values(streams)) {
          const reader = await repo.openStream(object)
          const writer = transaction.splitstream(reader.contentType)
          // The order of first use is that of the references, not that of the names.
          for (const id of reader.streamRefs) {
            for (const [name, target] of reader.namedRefs) if (target === id) writer.namedRef(name, id)
          }
          for await (const piece of reader.pieces()) {
            if ('inline' in piece) writer.inline(piece.inline)
            else writer.external(piece.object, (await repo.objectSize(piece.object))!)
          }
          const id = await writer.finish()
          await transaction.flush()
          if (same) expect(id).toBe(object)
          const again = await repo.openStream(id)
          expect((await readAll(again.read())).equals(await readAll(reader.read()))).toBe(true)
          expect(again.objectRefs).toEqual(reader.objectRefs)
          expect(again.namedRefs).toEqual(reader.namedRefs)
        }
      }))
  })
})

describe('meta.json of cfsctl', () => {
  it.each(goldenRepos)('is written with the same bytes: $name', async ({ name, algorithm, erofsVersion }) => {
    const { memoryDir } = await import('@bootc-sdk/core/testing')
    const dir = memoryDir()
    await unpackRepo(name, dir)
    expect(printMetaJson(newMetaJson(algorithm, erofsVersion))).toEqual(await readAll(dir.read('meta.json')))
  })
})

describe('splitstreams of either header', () => {
  it.each(['basic-layer.sha256', 'basic-layer.sha256.oldheader'])('%s is read', async (file) => {
    const { memoryDir } = await import('@bootc-sdk/core/testing')
    const dir = memoryDir()
    await unpackRepo('s256v1', dir)
    await using repo = await openComposefsRepo(dir, { native: false })
    const bytes = readFileSync(new URL(`splitstream/${file}.splitstream`, goldenOci))
    await using transaction = await repo.begin()
    const id = await transaction.putObject(bytes)
    await transaction.flush()
    const reader = await repo.openStream(id)
    expect(typeText(reader.contentType)).toBe('ocilayer')
    expect((await readAll(reader.read())).length).toBe(reader.sizeBytes)
  })
})
