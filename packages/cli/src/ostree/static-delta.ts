import { resolve } from 'node:path'
import {
  applyDelta,
  completeCommit,
  configFlag,
  deleteDelta,
  generateDelta,
  listDeltas,
  openDeltaFile,
  openRepoDelta,
  parseDeltaName,
  printDeltaName,
  reindexDeltas,
  requireRev,
  verifySignatures,
  type DeltaSource,
  type OstreeRepo,
  type SignType,
} from '@bootc-sdk/ostree-backend'
import { UsageError, type Cli } from '../io.js'
import { formatBytes } from '../format.js'
import { openRepository, type RepoOptions } from './repository.js'
import { keySetOf, signingOf, type KeyFlags } from './trust.js'

interface GenerateFlags extends RepoOptions {
  readonly from?: string
  readonly empty?: boolean
  readonly ifNotExists?: boolean
  readonly minFallbackSize?: number
  readonly maxChunkSize?: number
  /** Secret keys. */
  readonly sign?: readonly string[]
  readonly signType: SignType
  readonly keysFile?: string
}

/** `bootc-sdk ostree static-delta list`. */
export async function list(cli: Cli, options: RepoOptions): Promise<void> {
  const deltas = await listDeltas(await openRepository(options))
  if (deltas.length === 0) await cli.out.write('(No static deltas)\n')
  for (const delta of deltas) await cli.out.write(`${printDeltaName(delta)}\n`)
}

/** `bootc-sdk ostree static-delta show`: the fields that the ostree program shows, without those of operations. */
export async function show(cli: Cli, options: RepoOptions, name: string): Promise<void> {
  const repo = await openRepository(options)
  const { superblock, signatures } = await openNamed(repo, name)
  const { from, to, timestamp, parts, fallbacks } = superblock
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0)
  const sized = (bytes: number) => `${bytes} (${formatBytes(bytes)})`
  const partBytes = sum(parts.map(({ sizeBytes }) => sizeBytes))
  const objectBytes = sum(parts.map((part) => part.objectBytes))
  const [fallbackBytes, fallbackObjects] = [
    sum(fallbacks.map(({ compressedBytes }) => compressedBytes)),
    sum(fallbacks.map((object) => object.objectBytes)),
  ]
  const lines = [
    `Delta: ${printDeltaName(superblock)}`,
    `Signed: ${signatures === undefined ? 'no' : 'yes'}`,
    `From: ${from ?? '<scratch>'}`,
    `To: ${to}`,
    `Timestamp: ${timestamp}`,
    `Number of fallback entries: ${fallbacks.length}`,
    `Total Fallback Size: ${sized(fallbackBytes)}`,
    `Total Fallback Uncompressed Size: ${sized(fallbackObjects)}`,
    `Number of parts: ${parts.length}`,
    ...parts.map(
      ({ objects, ...part }, index) =>
        `PartMeta${index}: nobjects=${objects.length} size=${part.sizeBytes} usize=${part.objectBytes}`,
    ),
    `Total Part Size: ${sized(partBytes)}`,
    `Total Part Uncompressed Size: ${sized(objectBytes)}`,
    `Total Size: ${sized(partBytes + fallbackBytes)}`,
    `Total Uncompressed Size: ${sized(objectBytes + fallbackObjects)}`,
  ]
  await cli.out.write(`${lines.join('\n')}\n`)
}

/** `bootc-sdk ostree static-delta generate`. */
export async function generate(cli: Cli, options: GenerateFlags, rev: string): Promise<void> {
  const repo = await openRepository(options)
  const to = await requireRev(repo, rev)
  const from = options.empty === true ? undefined : await startOf(repo, to, options.from)
  const delta = from === undefined ? { to } : { from, to }
  if (options.ifNotExists === true) {
    const known = (await listDeltas(repo)).map(printDeltaName)
    if (known.includes(printDeltaName(delta))) {
      await cli.out.write(`Delta ${printDeltaName(delta)} already exists\n`)
      return
    }
  }
  const isSigned = options.sign !== undefined || options.keysFile !== undefined
  const signing = isSigned ? await signingOf(options, options.sign ?? []) : undefined
  await cli.out.write(`Generating static delta:\n  From: ${from ?? 'empty'}\n  To:   ${to}\n`)
  const { parts, sizeBytes, fallbacks } = await generateDelta(repo, delta, {
    signal: cli.signal,
    ...(signing === undefined ? {} : { signing }),
    // Units of the ostree program are millions of bytes.
    ...(options.minFallbackSize === undefined ? {} : { minFallbackBytes: options.minFallbackSize * 1e6 }),
    ...(options.maxChunkSize === undefined ? {} : { maxPartBytes: options.maxChunkSize * 1e6 }),
  })
  await cli.out.write(
    `${parts} parts, ${formatBytes(sizeBytes)}, ${fallbacks} objects to be fetched as they are\n`,
  )
}

async function startOf(repo: OstreeRepo, to: string, from: string | undefined): Promise<string> {
  if (from !== undefined) return requireRev(repo, from)
  const { parent } = await repo.readCommit(to)
  if (parent !== undefined) return parent
  throw new UsageError('the commit has no parent: give --from, or --empty for a delta from nothing')
}

/** `bootc-sdk ostree static-delta apply-offline`. */
export async function applyOffline(
  cli: Cli,
  options: RepoOptions & KeyFlags,
  path: string,
  keys: readonly string[],
): Promise<void> {
  const repo = await openRepository(options)
  const isAsked = keys.length > 0 || options.keysFile !== undefined || options.keysDir !== undefined
  const isDemanded = configFlag(repo, 'core', 'sign-verify-deltas')
  const keySet = isAsked || isDemanded ? await keySetOf(options, keys) : undefined
  const { to, objects, bytes } = await applyDelta(repo, await openDeltaFile(resolve(path)), {
    signal: cli.signal,
    ...(keySet === undefined
      ? {}
      : { verify: async (delta: DeltaSource) => verifySignatures(delta, options.signType, keySet) }),
  })
  await completeCommit(repo, to)
  await cli.out.write(`${objects} objects of ${to} made from ${formatBytes(bytes)}\n`)
}

/** `bootc-sdk ostree static-delta verify`. */
export async function verify(
  cli: Cli,
  options: RepoOptions & KeyFlags,
  name: string,
  keys: readonly string[],
): Promise<void> {
  const delta = await openNamed(await openRepository(options), name)
  await verifySignatures(delta, options.signType, await keySetOf(options, keys))
  await cli.out.write('Verification OK\n')
}

/** `bootc-sdk ostree static-delta delete`. */
export async function remove(_cli: Cli, options: RepoOptions, name: string): Promise<void> {
  const repo = await openRepository(options)
  const delta = parseDeltaName(name)
  await openRepoDelta(repo, delta)
  await deleteDelta(repo, delta)
}

/** `bootc-sdk ostree static-delta reindex`. */
export async function reindex(_cli: Cli, options: RepoOptions): Promise<void> {
  await reindexDeltas(await openRepository(options))
}

/** By name in the repository, or a file anywhere. */
async function openNamed(repo: OstreeRepo, name: string): Promise<DeltaSource> {
  return /^[0-9a-f-]+$/.test(name) ? openRepoDelta(repo, parseDeltaName(name)) : openDeltaFile(resolve(name))
}
