import type { OpOptions } from '@bootc-sdk/core'
import { sha256Hex } from '../format/checksum.js'
import { unsupported } from '../format/errors.js'
import type { OstreeRepo } from '../repo/api.js'
import { collect } from '../repo/io.js'
import { addReachable, nothingReachable, type Reachable } from '../repo/reachable.js'
import { addFile } from './add-file.js'
import type { DeltaName } from './names.js'
import { writePart } from './part.js'
import { PartBuilder } from './part-builder.js'
import { similarFiles } from './similar-files.js'
import { signaturesOf, type Signing } from '../trust/sign.js'
import { encodeSuperblock, wrapSigned, type Fallback, type PartHeader } from './superblock.js'

export interface MakeDeltaOptions extends OpOptions {
  /** New files larger than this are left to be fetched as they are; 0: none. Default 4,000,000 bytes. */
  readonly minFallbackBytes?: number
  /** A part is closed when its own data is larger. Default 32,000,000 bytes. */
  readonly maxPartBytes?: number
  /** Seconds since the epoch; default now. */
  readonly timestamp?: number
  /** Sign the superblock. */
  readonly signing?: Signing
}

/** A delta in memory but for one part at a time. */
export interface MadeDelta extends DeltaName {
  readonly superblock: Buffer
  readonly parts: number
  /** Superblock and parts. */
  readonly sizeBytes: number
  readonly fallbacks: number
}

/**
 * Make a delta: what `to` has and `from` has not. Files that have an older version in `from` are told as what
 * changed.
 *
 * @param writePartFile gets every part's file, in order
 * @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_NO_XZ`
 */
export async function makeDelta(
  repo: OstreeRepo,
  { from, to }: DeltaName,
  writePartFile: (index: number, file: Buffer) => Promise<void>,
  options: MakeDeltaOptions = {},
): Promise<MadeDelta> {
  const { minFallbackBytes = 4_000_000, maxPartBytes = 32_000_000, signal } = options
  const old = from === undefined ? nothingReachable() : await reachableFrom(repo, from, signal)
  const now = await reachableFrom(repo, to, signal)
  const sources = from === undefined ? new Map<string, string>() : await similarFiles(repo, from, to)
  const parts: PartHeader[] = []
  const fallbacks: Fallback[] = []
  let sizeBytes = 0
  let builder = new PartBuilder()
  const close = async () => {
    if (builder.objects.length === 0) return
    const file = await writePart(builder.payload, signal)
    const { objects, objectBytes } = builder
    await writePartFile(parts.length, file)
    parts.push({ digest: sha256Hex(file), sizeBytes: file.length, objectBytes, objects })
    sizeBytes += file.length
    builder = new PartBuilder()
  }

  for (const type of ['dirtree', 'dirmeta'] as const) {
    const key = type === 'dirtree' ? 'trees' : 'metas'
    for (const checksum of newOf(now[key], old[key])) {
      builder.metadata({ type, checksum }, await repo.readMetadata(type, checksum))
      if (builder.blobBytes > maxPartBytes) await close()
    }
  }
  for (const checksum of newOf(now.files, old.files)) {
    signal?.throwIfAborted()
    const object = { type: 'file', checksum } as const
    const header = await repo.fileHeader(checksum)
    const source = header.symlinkTarget === undefined ? sources.get(checksum) : undefined
    const isFallback = minFallbackBytes > 0 && source === undefined && header.sizeBytes > minFallbackBytes
    if (isFallback) {
      fallbacks.push({
        ...object,
        compressedBytes: await storedBytes(repo, checksum),
        objectBytes: header.sizeBytes,
      })
      continue
    }
    if (header.sizeBytes >= 0x7fff_0000)
      throw unsupported('static delta', `${checksum}.file is too large for a part`)
    const data = await collect(repo.fileContent(checksum), header.sizeBytes, `${checksum}.file`)
    await addFile(repo, builder, { object, header, data, source })
    if (builder.blobBytes > maxPartBytes) await close()
  }
  await close()
  const inner = encodeSuperblock({
    ...(from === undefined ? {} : { from }),
    to,
    metadata: [],
    timestamp: options.timestamp ?? Math.floor(Date.now() / 1000),
    commit: Buffer.from(await repo.readMetadata('commit', to)),
    parts,
    fallbacks,
  })
  const { signing } = options
  const superblock = signing === undefined ? inner : wrapSigned(inner, signaturesOf(inner, signing))
  return {
    ...(from === undefined ? {} : { from }),
    to,
    superblock,
    parts: parts.length,
    sizeBytes: sizeBytes + superblock.length,
    fallbacks: fallbacks.length,
  }
}

async function reachableFrom(repo: OstreeRepo, commit: string, signal?: AbortSignal): Promise<Reachable> {
  const reachable = nothingReachable()
  await addReachable(repo, reachable, commit, 0, new Map(), signal)
  return reachable
}

/** In a fixed order, so that the same commits make the same delta. */
function newOf(now: ReadonlySet<string>, old: ReadonlySet<string>): string[] {
  return [...now].filter((checksum) => !old.has(checksum)).sort()
}

async function storedBytes(repo: OstreeRepo, checksum: string): Promise<number> {
  const suffix = repo.mode === 'archive' ? 'filez' : 'file'
  const stat = await repo.dir.stat(`objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.${suffix}`)
  return stat?.sizeBytes ?? 0
}
