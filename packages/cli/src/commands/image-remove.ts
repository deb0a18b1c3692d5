import { BootcError } from '@bootc-sdk/core'
import { printImageReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { parseImgref } from '../imgref.js'
import { openImageStore, type StoreOptions } from './image-store.js'
import { prunedLines } from './print-change.js'

/** `bootc-sdk image remove`. */
export async function imageRemove(
  cli: Cli,
  options: StoreOptions & { prune?: boolean },
  names: readonly string[],
): Promise<void> {
  await using opened = await openImageStore(options)
  const { store } = opened
  for (const { image } of names.map(parseImgref)) {
    const name = printImageReference(image)
    if (!(await store.remove(image))) {
      throw new BootcError('IMAGE_NOT_STORED', `${name} is not in the store`, {
        details: { reference: name },
      })
    }
    await cli.out.write(`Removed ${name}\n`)
  }
  if (options.prune !== true) return
  const keep = new Set<Parameters<typeof store.get>[0]>()
  for await (const image of store.list()) keep.add(image.manifestDigest)
  for (const line of prunedLines(await store.prune(keep, { signal: cli.signal })))
    await cli.out.write(`${line}\n`)
}
