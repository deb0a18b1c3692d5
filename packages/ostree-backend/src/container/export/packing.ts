import { invalid } from '../../format/errors.js'
import { mean, median, medianDeviation, standardDeviation } from './statistics.js'

/** A package, or whatever else changes as a whole. */
export interface Component {
  /** Unique; with its version, as in `bash-5.2-1.x86_64`. */
  readonly id: string
  /** Without the version: the same in the next build. */
  readonly name: string
  /** Of all its objects. */
  readonly sizeBytes: number
  /** How often it changes, relative to others; `alwaysChanges` for what is different in every build. */
  readonly changeFrequency: number
}

/** Largest u32. */
export const alwaysChanges = 0xffff_ffff

const minBins = 4
/** Share of bins that large components get for themselves; a 32-bit float in the reference. */
const largeShare = Math.fround(0.6)
/** How many deviations from the middle make an outlier. */
const threshold = 2

/**
 * Distribute components over layers so that an update touches few: large ones alone, small ones together, the rest
 * by how often they change, and an empty bin at the end for packages that later builds bring.
 *
 * @param components sorted by descending size
 * @returns at most `bins` lists
 * @throws BootcError `STORE_OSTREE_INVALID` for fewer than 4 bins that are not enough for one component each
 * @see bootc 1.16.9, ostree-ext chunking.rs, basic_packing
 */
export function packComponents(components: readonly Component[], bins: number): Component[][] {
  if (components.length === 0) return []
  if (components.length < bins) return [...components.map((component) => [component]), []]
  if (bins < minBins) throw invalid('layers', `at least ${minBins} are needed, not ${bins}`)
  const always = components.filter(({ changeFrequency }) => changeFrequency === alwaysChanges)
  const others = components.filter(({ changeFrequency }) => changeFrequency !== alwaysChanges)
  // For what always changes, and for new packages.
  const reserved = (always.length > 0 ? 1 : 0) + 1
  const packed = others.length === 0 ? [] : packOthers(others, bins - reserved)
  return [...packed, ...(always.length > 0 ? [always] : []), []]
}

function packOthers(components: readonly Component[], bins: number): Component[][] {
  // One bin is for all small ones.
  const largeBins = Math.floor(Math.fround(largeShare * (bins - 1)))
  const mediumBins = bins - 1 - largeBins
  const { large, small, medium } = bySize(components, largeBins)
  // Fewer than there are large bins, and the reference's unsigned number wraps round.
  const left = components.length - largeBins - small.length
  const perBin = left < 0 ? Infinity : Math.floor(left / mediumBins)
  const packed = large.map((component) => [component])
  if (small.length > 0) packed.push(small)
  for (const partition of partitions(medium)) packed.push(...inBins(partition, perBin))
  mergeFromEnd(packed, bins, 1 + largeBins)
  return packed
}

/** Sorted by descending size, and stay so. What is large but has no bin of its own counts as medium. */
function bySize(
  components: readonly Component[],
  largeBins: number,
): { large: Component[]; small: Component[]; medium: Component[] } {
  const sizes = components.map(({ sizeBytes }) => sizeBytes)
  const [middle, deviation] = [median(sizes), medianDeviation(sizes)]
  const low = 0.5 * Math.abs(middle - threshold * deviation)
  const high = middle + threshold * deviation
  const isLarge = ({ sizeBytes }: Component): boolean => sizeBytes >= high
  const isSmall = (component: Component): boolean => !isLarge(component) && component.sizeBytes <= low
  const large = components.filter(isLarge)
  const medium = components.filter((component) => !isLarge(component) && !isSmall(component))
  return {
    large: large.slice(0, largeBins),
    small: components.filter(isSmall),
    medium: [...large.slice(largeBins), ...medium],
  }
}

/** Medium ones by frequency, then size; often changing first, and within that by size class. */
function partitions(medium: readonly Component[]): Component[][] {
  if (medium.length === 0) return []
  const sorted = [...medium].sort((a, b) => a.changeFrequency - b.changeFrequency)
  const frequency = classes(
    sorted.map((component) => component.changeFrequency),
    ['3hf', '4mf', '5lf'],
  )
  const size = classes(
    sorted.map((component) => component.sizeBytes),
    ['hs', 'ms', 'ls'],
  )
  const found = new Map<string, Component[]>()
  for (const component of sorted) {
    const name = `${frequency(component.changeFrequency)}_${size(component.sizeBytes)}`
    const partition = found.get(name)
    if (partition === undefined) found.set(name, [component])
    else partition.push(component)
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, partition]) => partition)
}

function classes(
  values: readonly number[],
  [high, middle, low]: readonly [string, string, string],
): (value: number) => string {
  const spread = threshold * standardDeviation(values)
  const lowLimit = 0.5 * Math.abs(mean(values) - spread)
  const highLimit = mean(values) + spread
  return (value) => (value >= highLimit ? high : value <= lowLimit ? low : middle)
}

/** A first bin that may hold nothing stays empty, as in the reference. */
function inBins(partition: readonly Component[], perBin: number): Component[][] {
  const packed: Component[][] = []
  let bin: Component[] = []
  for (const component of partition) {
    if (bin.length >= perBin) {
      packed.push(bin)
      bin = []
    }
    bin.push(component)
  }
  packed.push(bin)
  return packed
}

/**
 * Merge neighbours, from the end so that what changes often stays apart, until there are few enough. The merged bin
 * goes behind the one that followed, which is an oversight of the reference and part of every layout it made.
 */
function mergeFromEnd(packed: Component[][], bins: number, first: number): void {
  while (packed.length > bins) {
    const before = packed.length
    const starts: number[] = []
    for (let i = first; i < packed.length - 1; i += 2) starts.push(i)
    for (const i of starts.reverse()) {
      if (packed.length <= bins) break
      const merged = [...packed[i - 1]!, ...packed[i]!]
      packed.splice(i, 1)
      packed.splice(i - 1, 1)
      packed.splice(i, 0, merged)
    }
    if (packed.length === before) return
  }
}
