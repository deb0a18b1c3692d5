import { deflateRawSync } from 'node:zlib'
import type { FileHeader, OstreeRepo } from '../repo/api.js'
import { collect } from '../repo/io.js'
import { makeBsdiff } from './bsdiff.js'
import { matchBlocks, type Stretch } from './match-blocks.js'
import type { PartBuilder } from './part-builder.js'

/** Files up to this size are compared with what they were. */
const maxCompareBytes = 128 * 1024 * 1024
/** Up to this size also byte by byte, which takes about seconds for as many megabytes. */
const maxPatchBytes = 32 * 1024 * 1024
/** An operation and its numbers in a part, before compression. */
const stretchBytes = 6

/**
 * Tell a file in the way that compresses best: whole, as stretches of an older one with new bytes between them, or
 * as a patch of it. libostree chooses by how much of it is equal; trying each is better, and about as fast.
 *
 * @param file.source checksum of the older one
 */
export async function addFile(
  repo: OstreeRepo,
  builder: PartBuilder,
  file: {
    readonly object: { readonly type: 'file'; readonly checksum: string }
    readonly header: FileHeader
    readonly data: Buffer
    readonly source: string | undefined
  },
): Promise<void> {
  const { object, header, data, source } = file
  const old = source === undefined ? undefined : await olderFile(repo, source, data)
  if (source === undefined || old === undefined) {
    builder.file(object, header, data)
    return
  }
  const stretches = matchBlocks(old, data)
  const ways = [
    { bytes: compressedBytes([data]), add: () => builder.file(object, header, data) },
    {
      bytes: compressedBytes(newBytes(data, stretches)) + stretches.length * stretchBytes,
      add: () => builder.changed(object, header, data, source, stretches),
    },
  ]
  // Where nothing but a few stretches is new, there is nothing to be gained.
  if (ways[1]!.bytes > minWorthBytes && data.length <= maxPatchBytes && old.length <= maxPatchBytes) {
    const patch = makeBsdiff(old, data)
    ways.push({
      bytes: compressedBytes([patch]),
      add: () => builder.patched(object, header, data.length, source, patch),
    })
  }
  ways.reduce((best, way) => (way.bytes < best.bytes ? way : best)).add()
}

const minWorthBytes = 64

async function olderFile(repo: OstreeRepo, source: string, data: Buffer): Promise<Buffer | undefined> {
  const { sizeBytes } = await repo.fileHeader(source)
  if (data.length === 0 || sizeBytes === 0) return undefined
  if (data.length > maxCompareBytes || sizeBytes > maxCompareBytes) return undefined
  return collect(repo.fileContent(source), maxCompareBytes, `${source}.file`)
}

function newBytes(data: Buffer, stretches: readonly Stretch[]): Buffer[] {
  return stretches.flatMap(({ from, at, length }) =>
    from === undefined ? [data.subarray(at, at + length)] : [],
  )
}

/** What is left of it, about; parts are compressed better, all ways alike. */
function compressedBytes(pieces: readonly Uint8Array[]): number {
  return deflateRawSync(Buffer.concat(pieces), { level: 3 }).length
}
