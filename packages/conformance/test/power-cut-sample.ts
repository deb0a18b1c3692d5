/**
 * Every write is cut by default; `POWER_CUT_SAMPLE=N` takes every Nth of the longest suites, where time is short.
 */
const sample = Math.max(1, Number.parseInt(process.env['POWER_CUT_SAMPLE'] ?? '1', 10) || 1)

export function sampled(minCuts: number): { readonly every: number; readonly minCuts: number } {
  return { every: sample, minCuts: Math.floor(minCuts / sample) }
}
