/** What a partition may have. */
export interface Share {
  readonly minBytes: number
  /** Infinity: as much as there is. */
  readonly maxBytes: number
  readonly weight: number
}

/**
 * Sizes on a disk of known size, as systemd-repart gives them: each its share by weight, but its least size at least and its
 * largest at most; the others share what that leaves or takes. (It settles all least sizes first, and may leave room that
 * somebody could take; here whichever bounds weigh more are settled first, as for flexible boxes in CSS.)
 *
 * @param grain sizes are multiples of it
 * @returns undefined where the least sizes do not fit
 * @see systemd 257 src/repart/repart.c, context_grow_partitions_phase; CSS Flexible Box Layout 1, section 9.7
 */
export function distribute(
  shares: readonly Share[],
  totalBytes: number,
  grain: number,
): number[] | undefined {
  const down = (bytes: number) => Math.floor(bytes / grain) * grain
  const least = shares.map(({ minBytes }) => Math.ceil(minBytes / grain) * grain)
  if (least.reduce((sum, bytes) => sum + bytes, 0) > totalBytes) return undefined
  const most = shares.map(({ maxBytes }, index) => Math.max(least[index]!, down(maxBytes)))
  const sizes: (number | undefined)[] = shares.map(() => undefined)
  for (;;) {
    const wanted = wishes(shares, sizes, totalBytes)
    const open = wanted.flatMap((bytes, index) => {
      const size = Math.min(Math.max(bytes, least[index]!), most[index]!)
      return sizes[index] === undefined ? [{ index, size, over: size - bytes }] : []
    })
    const sum = open.reduce((total, { over }) => total + over, 0)
    const settled = open.filter(({ over }) => (sum > 0 ? over > 0 : over < 0))
    if (settled.length === 0) {
      for (const { index, size } of open) sizes[index] = Math.max(least[index]!, down(size))
      return sizes.map((size) => size!)
    }
    for (const { index, size } of settled) sizes[index] = size
  }
}

/** Shares of what those that are settled leave. */
function wishes(
  shares: readonly Share[],
  sizes: readonly (number | undefined)[],
  totalBytes: number,
): number[] {
  const left = sizes.reduce<number>((rest, size) => rest - (size ?? 0), totalBytes)
  const weights = shares.map(({ weight }, index) => (sizes[index] === undefined ? weight : 0))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => (sum === 0 ? 0 : (Math.max(0, left) * weight) / sum))
}
