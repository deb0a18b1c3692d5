import { infoLs } from '@bootc-sdk/composefs-backend/format'
import type { Cli } from '../io.js'
import { loadImage, type ImageOptions } from './image-file.js'
import { writeLines } from './lines.js'

/** `bootc-sdk composefs ls`: lines of `composefs-info ls`; names are escaped by the format. */
export async function ls(
  cli: Cli,
  options: ImageOptions,
  name: string,
  paths: readonly string[],
): Promise<void> {
  const image = await loadImage(options, name)
  const wanted = paths.map((path) => `/${path.replace(/^\/+|\/+$/g, '')}`)
  function* lines(): Iterable<string> {
    for (const line of infoLs(image)) {
      if (wanted.length === 0 || wanted.some((path) => isBelow(line, path))) yield line
    }
  }
  await writeLines(cli, lines())
}

/** Is the path at the start of the line this one, or below it? */
function isBelow(line: string, path: string): boolean {
  const [name = ''] = line.split('\t')
  return path === '/' || name === path || name.startsWith(`${path}/`)
}
