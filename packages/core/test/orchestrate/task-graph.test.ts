import { describe, expect, test } from 'vitest'
import { runTasks, type Task } from '../../src/orchestrate/task-graph.js'

/** Tasks that end when told to, and a record of what began. */
function manual(after: readonly (readonly number[])[]) {
  const begun: number[] = []
  const aborted: number[] = []
  const ends: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const tasks: Task[] = after.map((waits, index) => ({
    index,
    after: waits,
    run: (signal) =>
      new Promise((resolve, reject) => {
        begun.push(index)
        ends[index] = { resolve, reject }
        signal.addEventListener('abort', () => {
          aborted.push(index)
          reject(signal.reason as Error)
        })
      }),
  }))
  return { tasks, begun, aborted, ends }
}

const tick = () => new Promise((resolve) => setImmediate(resolve))

describe('tasks', () => {
  test('no more than allowed run at once', async () => {
    const { tasks, begun, ends } = manual([[], [], []])
    const all = runTasks(tasks, 2)
    await tick()
    expect(begun).toEqual([0, 1])
    ends[1]!.resolve()
    await tick()
    expect(begun).toEqual([0, 1, 2])
    ends[0]!.resolve()
    ends[2]!.resolve()
    await all
  })

  test('one waits for those it comes after, not for ones outside the list', async () => {
    const { tasks, begun, ends } = manual([[1, 99], []])
    const all = runTasks(tasks, 2)
    await tick()
    expect(begun).toEqual([1])
    ends[1]!.resolve()
    await tick()
    expect(begun).toEqual([1, 0])
    ends[0]!.resolve()
    await all
  })

  test('the first failure aborts the others and is what is thrown', async () => {
    const { tasks, begun, aborted, ends } = manual([[], [], []])
    const all = runTasks(tasks, 2)
    await tick()
    ends[0]!.reject(new Error('broken'))
    await expect(all).rejects.toThrow('broken')
    expect(aborted).toContain(1)
    expect(begun).toEqual([0, 1])
  })

  test('abort rejects with the reason given, after all have ended', async () => {
    const { tasks, aborted } = manual([[], []])
    const abort = new AbortController()
    const all = runTasks(tasks, 2, abort.signal)
    await tick()
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(all).rejects.toBe(reason)
    expect(aborted.sort()).toEqual([0, 1])
  })

  test('a circle is an error, not a wait for ever', async () => {
    const { tasks } = manual([[1], [0]])
    await expect(runTasks(tasks, 2)).rejects.toThrow('wait for each other')
  })
})
