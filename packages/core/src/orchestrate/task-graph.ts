/** Work to be done after other work of the same list. */
export interface Task {
  /** Indices of tasks that must be complete before; done ones need not be in the list. */
  readonly after: readonly number[]
  readonly index: number
  run(signal: AbortSignal): Promise<void>
}

/**
 * Run tasks, at most `concurrency` at once, each after those it waits for. The first failure aborts the
 * others; it is thrown when all have ended, so nothing runs on behind the caller's back.
 */
export async function runTasks(
  tasks: readonly Task[],
  concurrency: number,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = new Set(tasks)
  const unfinished = new Set(tasks.map((task) => task.index))
  const running = new Set<Promise<void>>()
  const abort = new AbortController()
  const onAbort = () => abort.abort(signal?.reason)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  let failure: { error: unknown } | undefined
  try {
    for (;;) {
      if (!abort.signal.aborted) {
        for (const task of waiting) {
          if (running.size >= Math.max(1, concurrency)) break
          if (task.after.some((index) => unfinished.has(index))) continue
          waiting.delete(task)
          const job: Promise<void> = task
            .run(abort.signal)
            .then(
              () => void unfinished.delete(task.index),
              (error: unknown) => {
                failure ??= { error }
                abort.abort(error)
              },
            )
            .finally(() => running.delete(job))
          running.add(job)
        }
      }
      if (running.size === 0) break
      await Promise.race(running)
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
  signal?.throwIfAborted()
  if (failure !== undefined) throw failure.error
  if (waiting.size > 0) throw new Error('tasks wait for each other')
}
