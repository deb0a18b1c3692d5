import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { infoMissingObjects, infoObjects } from '@bootc-sdk/composefs-backend/format'
import { UsageError, type Cli } from '../io.js'
import { loadImage, type ImageOptions } from './image-file.js'
import { writeLines } from './lines.js'

interface ObjectsFlags extends ImageOptions {
  readonly missing?: boolean
  readonly basedir?: string
}

/** `bootc-sdk composefs objects`: `composefs-info objects`, and `missing-objects` with --missing. */
export async function objects(cli: Cli, options: ObjectsFlags, names: readonly string[]): Promise<void> {
  const base = options.basedir ?? (options.repo === undefined ? undefined : join(options.repo, 'objects'))
  if (options.missing === true && base === undefined)
    throw new UsageError('--missing needs --repo or --basedir')
  const has = async (path: string): Promise<boolean> =>
    stat(Buffer.from(join(base!, path), 'latin1')).then(
      () => true,
      () => false,
    )
  const all = new Set<string>()
  for (const name of names) {
    const image = await loadImage(options, name)
    const found = options.missing === true ? await infoMissingObjects(image, has) : infoObjects(image)
    for (const path of found) all.add(path)
  }
  await writeLines(cli, [...all].sort())
}
