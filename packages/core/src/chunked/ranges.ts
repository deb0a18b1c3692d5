/** Bytes `[start, end)`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Fetching what lies between is cheaper than asking twice. */
const gapBytes = 4096

/** Sorted ranges as few, wider ones; overlaps and small gaps are closed. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const out: { start: number; end: number }[] = []
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = out.at(-1)
    if (last !== undefined && start <= last.end + gapBytes) last.end = Math.max(last.end, end)
    else out.push({ start, end })
  }
  return out
}

export function rangeBytes(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
}
