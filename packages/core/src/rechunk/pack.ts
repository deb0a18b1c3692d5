import { createHash } from 'node:crypto'
import { mapPush, type Group } from './groups.js'
import type { PreviousLayer } from './previous.js'

/** Groups that share a layer. */
export interface Bin {
  readonly groups: Group[]
  /** The layer of the earlier image that held them. */
  readonly previous?: PreviousLayer
}

/** Smaller layers cost more in requests than they save. */
const leastLayerBytes = 256 * 1024

/** Less in common with the earlier image, by bytes, and its order is of no use. */
const leastKnownShare = 0.25

/**
 * Share groups out to layers, from nothing. Sources that are larger than a fair share get layers of their own, as many
 * as are fair; the rest go by a hash of their source, so that neither growth nor new groups move others.
 *
 * @param maxBins at least 1
 */
export function packGroups(groups: readonly Group[], maxBins: number): Bin[] {
  const sources = bySource(groups)
  let restBytes = sum(groups)
  let restBins = Math.min(maxBins, Math.max(1, Math.ceil(restBytes / leastLayerBytes)))
  const bins: Bin[] = []
  let next = 0
  for (; next < sources.length && restBins > 1; next++) {
    const { groups: own, bytes } = sources[next]!
    const share = restBytes / restBins
    if (bytes < share) break
    const count = Math.min(Math.max(Math.round(bytes / share), 1), own.length, restBins - 1)
    bins.push(...scatter(own, count, ({ id }) => id))
    restBytes -= bytes
    restBins -= count
  }
  const rest = sources.slice(next).flatMap((source) => source.groups)
  return [...bins, ...scatter(rest, restBins, ({ source }) => source)].filter((bin) => bin.groups.length > 0)
}

/** Largest first. */
function bySource(groups: readonly Group[]): { readonly groups: Group[]; readonly bytes: number }[] {
  const found = new Map<string, Group[]>()
  for (const group of groups) mapPush(found, group.source, group)
  return [...found]
    .map(([source, members]) => ({ source, groups: members.sort(bySize), bytes: sum(members) }))
    .sort((a, b) => b.bytes - a.bytes || (a.source < b.source ? -1 : 1))
}

/** Into bins by a hash of something, the same for what has to stay together. */
function scatter(groups: readonly Group[], bins: number, keyOf: (group: Group) => string): Bin[] {
  const made = Array.from({ length: bins }, (): Bin => ({ groups: [] }))
  for (const group of groups) made[rendezvous(keyOf(group), bins)]!.groups.push(group)
  return made
}

/**
 * Share groups out as an earlier image did: what it had stays where it was; new groups get layers that are free, else
 * go to others of their source, else to the smallest layer.
 *
 * @returns undefined when that image knows too little of these groups
 */
export function packAsBefore(
  groups: readonly Group[],
  previous: readonly PreviousLayer[],
  maxBins: number,
): Bin[] | undefined {
  const unplaced = new Map(groups.map((group) => [group.id, group]))
  const bins: Bin[] = []
  for (const layer of previous) {
    const found = layer.groups.flatMap((id) => unplaced.get(id) ?? [])
    for (const { id } of found) unplaced.delete(id)
    if (found.length > 0) bins.push({ groups: found, previous: layer })
  }
  const known = bins.reduce((total, bin) => total + sum(bin.groups), 0)
  if (known < leastKnownShare * sum(groups) || bins.length === 0) return undefined
  mergeSmallest(bins, maxBins)
  placeNew(bins, [...unplaced.values()].sort(bySize), maxBins, sum(groups))
  return bins
}

function mergeSmallest(bins: Bin[], maxBins: number): void {
  while (bins.length > maxBins) {
    bins.sort((a, b) => sum(b.groups) - sum(a.groups))
    const [last, other] = [bins.pop()!, bins.pop()!]
    bins.push({ groups: [...other.groups, ...last.groups] })
  }
}

function placeNew(bins: Bin[], fresh: readonly Group[], maxBins: number, totalBytes: number): void {
  const small: Group[] = []
  for (const group of fresh) {
    if (bins.length < maxBins && group.bytes >= Math.max(totalBytes / maxBins, leastLayerBytes)) {
      bins.push({ groups: [group] })
    } else small.push(group)
  }
  if (bins.length < maxBins && sum(small) >= leastLayerBytes) {
    bins.push({ groups: small })
    return
  }
  for (const group of small) {
    const related = bins.find((bin) => bin.groups.some(({ source }) => source === group.source))
    const target = related ?? bins.reduce((least, bin) => (sum(bin.groups) < sum(least.groups) ? bin : least))
    target.groups.push(group)
  }
}

function sum(groups: readonly Group[]): number {
  return groups.reduce((total, group) => total + group.bytes, 0)
}

function bySize(a: Group, b: Group): number {
  return b.bytes - a.bytes || (a.id < b.id ? -1 : 1)
}

/** The bin with the highest hash: one bin more or less moves only what is in it. */
function rendezvous(key: string, bins: number): number {
  let best = 0
  let highest = -1
  for (let bin = 0; bin < bins; bin++) {
    const score = createHash('sha256').update(`${bin} ${key}`).digest().readUIntBE(0, 6)
    if (score > highest) [best, highest] = [bin, score]
  }
  return best
}
