import { diffTrees } from '@bootc-sdk/composefs-backend/format'
import type { Cli } from '../io.js'
import { loadImage, type ImageOptions } from './image-file.js'
import { writeLines } from './lines.js'

/** `bootc-sdk composefs diff`: one line a difference; exit code 1 when there is one, as diff(1). */
export async function diff(cli: Cli, options: ImageOptions, from: string, to: string): Promise<number> {
  const before = (await loadImage(options, from)).tree()
  const after = (await loadImage(options, to)).tree()
  let differences = 0
  function* counted(): Iterable<string> {
    for (const line of diffTrees(before, after)) {
      differences++
      yield line
    }
  }
  await writeLines(cli, counted())
  return differences === 0 ? 0 : 1
}
