import { BootcError } from '@bootc-sdk/core'
import { canonicalReference } from '@bootc-sdk/core/oci'
import { formatBytes, printable } from '../format.js'
import { parseImgref } from '../imgref.js'
import type { Cli } from '../io.js'
import { openImageStore, type StoreOptions } from './image-store.js'

/** `bootc-sdk image history`: one line a layer, the lowest first: digest, size, what made it. */
export async function imageHistory(cli: Cli, options: StoreOptions, text: string): Promise<void> {
  await using opened = await openImageStore(options)
  const image = await opened.store.lookup(canonicalReference(parseImgref(text).image))
  if (image === undefined) {
    throw new BootcError('IMAGE_NOT_STORED', `No such image: ${printable(text)}`, {
      details: { image: text },
    })
  }
  const made = (image.config.history ?? []).filter((entry) => entry.empty_layer !== true)
  await cli.out.write(`${'ID'.padEnd(20)}  ${'SIZE'.padEnd(10)}  CREATED BY\n`)
  for (const [index, { digest, size }] of image.manifest.layers.entries()) {
    const id = digest.slice(digest.indexOf(':') + 1).slice(0, 20)
    const by = printable(made[index]?.created_by ?? '')
    await cli.out.write(`${id}  ${formatBytes(size).padEnd(10)}  ${by}`.trimEnd() + '\n')
  }
}
