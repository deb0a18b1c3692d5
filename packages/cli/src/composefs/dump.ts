import { printDump } from '@bootc-sdk/composefs-backend/format'
import type { Cli } from '../io.js'
import { loadImage, type ImageOptions } from './image-file.js'
import { writeLines } from './lines.js'

interface DumpFlags extends ImageOptions {
  readonly style: 'c' | 'rs'
}

/** `bootc-sdk composefs dump`. Names are escaped by the format, so terminals are safe. */
export async function dump(cli: Cli, options: DumpFlags, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const image = await loadImage(options, name)
    const tree = image.tree({ convention: options.style })
    await writeLines(cli, printDump(tree, { flavor: options.style }))
  }
}
