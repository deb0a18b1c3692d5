import { deltaDigests } from '../delta/generate.js'
import { printDeltaName } from '../delta/names.js'
import { maxMetadataBytes } from '../format/checksum.js'
import { decodeSummary, encodeSummary, type Summary, type SummaryRef } from '../format/summary.js'
import { lookup, swap64 } from '../format/variant-dict.js'
import type { OstreeRepo, Variant } from './api.js'
import { configFlag } from './config.js'
import { readFile } from './io.js'
import { replaceFile } from './staging.js'

/** The `summary` of a repository; undefined without one. */
export async function readSummary(repo: Pick<OstreeRepo, 'dir'>): Promise<Summary | undefined> {
  const bytes = await readFile(repo.dir, 'summary', maxMetadataBytes)
  return bytes === undefined ? undefined : decodeSummary(bytes)
}

/**
 * Write `summary` from the heads of the repository (`ostree summary -u`), dropping a signature that no longer
 * fits. Call with the repository locked or idle.
 *
 * @param options.now seconds since the epoch, for `ostree.summary.last-modified`
 */
export async function updateSummary(
  repo: OstreeRepo,
  options: { readonly now?: number } = {},
): Promise<Summary> {
  const refs: SummaryRef[] = []
  for (const [ref, commit] of await repo.listRefs()) {
    if (!ref.includes(':')) refs.push(await summaryRef(repo, ref, commit))
  }
  const seconds = options.now ?? Math.floor(Date.now() / 1000)
  const flag = (key: string): Variant => ({ type: 'b', value: configFlag(repo, 'core', key) })
  const collection = repo.config('core', 'collection-id')
  const summary: Summary = {
    refs,
    metadata: [
      ['ostree.summary.mode', { type: 's', value: repo.mode === 'archive' ? 'archive-z2' : repo.mode }],
      ['ostree.summary.last-modified', { type: 't', value: swap64(BigInt(seconds)) }],
      ['ostree.summary.tombstone-commits', flag('tombstone-commits')],
      ['ostree.summary.indexed-deltas', flag('indexed-deltas')],
      ...(await listedDeltas(repo)),
      ...(collection === undefined
        ? []
        : [['ostree.summary.collection-id', { type: 's', value: collection }] as const]),
    ],
  }
  await replaceFile(repo.dir, 'summary', encodeSummary(summary), repo.config('core', 'fsync') !== 'false')
  await repo.dir.remove('summary.sig')
  return summary
}

async function listedDeltas(repo: OstreeRepo): Promise<(readonly [string, Variant])[]> {
  if (configFlag(repo, 'core', 'no-deltas-in-summary')) return []
  const digests = [...(await deltaDigests(repo))]
  if (digests.length === 0) return []
  const value = digests.map(([delta, digest]) => [printDeltaName(delta), { type: 'ay', value: digest }])
  return [['ostree.static-deltas', { type: 'a{sv}', value }]]
}

async function summaryRef(repo: OstreeRepo, ref: string, checksum: string): Promise<SummaryRef> {
  const bytes = await repo.readMetadata('commit', checksum)
  const commit = await repo.readCommit(checksum)
  const version = lookup(commit.metadata, 'version', 's')
  return {
    ref,
    commit: checksum,
    commitBytes: bytes.length,
    metadata: [
      ['ostree.commit.timestamp', { type: 't', value: swap64(BigInt(commit.timestamp)) }],
      ...(version === undefined ? [] : [['ostree.commit.version', { type: 's', value: version }] as const]),
    ],
  }
}
