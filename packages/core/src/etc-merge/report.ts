import { parentPath } from '../names/index.js'
import { isSpecial, sameEntry } from './compare.js'
import { statReachable } from './stat.js'
import type { EtcDiff, EtcOptions, EtcTrees } from './types.js'

/** Changed here and in the new image too. */
export async function findShadowed(trees: EtcTrees, diff: EtcDiff, options: EtcOptions): Promise<string[]> {
  const { policy = 'ostree', signal } = options
  const shadowed: string[] = []
  for (const path of diff.modified) {
    signal?.throwIfAborted()
    const before = await statReachable(trees.pristine, path)
    const after = await statReachable(trees.fresh, path)
    if (before === undefined || after === undefined) continue
    const left = { tree: trees.pristine, path, stat: before }
    const right = { tree: trees.fresh, path, stat: after }
    if (!(await sameEntry(left, right, policy))) shadowed.push(path)
  }
  return shadowed
}

/**
 * Listed as changed, but not carried over: devices, pipes and sockets. libostree's rules also pass over
 * attributes of a directory in which nothing else changed, and over a directory that took the place of a file
 * when the new image has a directory there as well.
 */
export async function findSkipped(trees: EtcTrees, diff: EtcDiff, options: EtcOptions): Promise<string[]> {
  const { policy = 'ostree', signal } = options
  const parents = new Set([...diff.modified, ...diff.added].map(parentPath))
  const skipped: string[] = []
  for (const path of [...diff.modified, ...diff.added]) {
    signal?.throwIfAborted()
    const stat = await statReachable(trees.current, path)
    if (stat === undefined) continue
    const isPassedOver =
      policy === 'ostree' &&
      stat.type === 'directory' &&
      !parents.has(path) &&
      (await statReachable(trees.fresh, path))?.type === 'directory'
    if (isSpecial(stat) || isPassedOver) skipped.push(path)
  }
  return skipped
}
