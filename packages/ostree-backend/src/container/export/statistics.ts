/** Of a non-empty list. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Population standard deviation of a non-empty list. */
export function standardDeviation(values: readonly number[]): number {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (middle - value) * (middle - value), 0)
  return Math.sqrt(squares / values.length)
}

/** Of a non-empty, sorted list. */
export function median(sorted: readonly number[]): number {
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[half]! : 0.5 * (sorted[half - 1]! + sorted[half]!)
}

/** Median of the distances to the median, of a non-empty, sorted list. */
export function medianDeviation(sorted: readonly number[]): number {
  const middle = median(sorted)
  return median(sorted.map((value) => Math.abs(value - middle)).sort((a, b) => a - b))
}
