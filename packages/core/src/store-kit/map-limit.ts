/** Files at a time where each costs a few system calls. */
export const ioConcurrency = 16

/** `work` for every item, at most `limit` at a time (at least one), results in order. The first failure wins. */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let failed = false
  const worker = async () => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        results[index] = await work(items[index]!, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  // Without workers nothing would be done, and nobody would be told.
  const workers = Array.from({ length: Math.min(limit >= 1 ? limit : 1, items.length) }, worker)
  // All must have stopped before anybody cleans up behind them.
  for (const outcome of await Promise.allSettled(workers)) {
    if (outcome.status === 'rejected') throw outcome.reason
  }
  return results
}
