import type { Warning } from '@bootc-sdk/core'
import { compareNames } from '@bootc-sdk/core/names'

/** What a caller should know about paths that were left out, summed over layers; none when all were kept. */
export function droppedWarning(dropped: ReadonlyMap<string, number>): Warning[] {
  if (dropped.size === 0) return []
  const names = [...dropped].sort(([a], [b]) => compareNames(a, b))
  const list = names.map(([name, count]) => `${name}: ${count}`).join(' ')
  return [
    {
      code: 'image:paths-dropped',
      message: `the image has paths that an OSTree root cannot hold; left out: ${list}`,
      details: { dropped: Object.fromEntries(names) },
    },
  ]
}
