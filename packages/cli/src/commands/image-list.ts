import { printImageReference } from '@bootc-sdk/core/oci'
import type { Cli } from '../io.js'
import { formatBytes, printable } from '../format.js'
import { openImageStore, type StoreOptions } from './image-store.js'
import type { ListFlags } from './system-images.js'

/** `bootc-sdk image list`: one line an image, or JSON. */
export async function imageList(
  cli: Cli,
  { repo, ...options }: Omit<StoreOptions, 'repo'> & ListFlags & { repo?: string; json?: boolean },
): Promise<void> {
  if (repo === undefined) {
    const { listSystemImages } = await import('./system-images.js')
    return listSystemImages(cli, options.json === true ? { ...options, format: 'json' } : options)
  }
  await using opened = await openImageStore({ ...options, repo })
  const images = []
  for await (const image of opened.store.list()) {
    images.push({
      image: image.reference === undefined ? null : printImageReference(image.reference),
      manifestDigest: image.manifestDigest,
      configDigest: image.configDigest,
      ...(image.store === 'ostree' ? { commit: image.id } : { imageId: image.id }),
      layers: image.layers.length,
      bytes: image.manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
    })
  }
  if (options.json === true) {
    await cli.out.write(`${JSON.stringify(images)}\n`)
    return
  }
  for (const { image, manifestDigest, layers, bytes } of images) {
    await cli.out.write(
      `${printable(image ?? '<none>')}  ${manifestDigest}  ${layers} layers  ${formatBytes(bytes)}\n`,
    )
  }
}
