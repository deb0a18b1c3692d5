import type { ImageReference, ImageStore, ImageTransport } from '@bootc-sdk/core'
import { displaySignedReference, printImageReference } from '@bootc-sdk/core/oci'
import { UsageError, type Cli } from '../io.js'
import { asPullEvent } from '../progress/as-pull-event.js'
import { openImageTarget } from './image-target.js'
import { openTransports } from './open-system.js'
import { withProgress, type ProgressOptions } from './with-progress.js'

/** Copy an image out of a store that keeps manifest, config and layers. */
export async function copyStoredImage(
  cli: Cli,
  options: ProgressOptions,
  {
    images,
    source,
    to,
  }: { readonly images: ImageStore; readonly source: ImageReference; readonly to: string },
): Promise<void> {
  const { copyImage } = await import('@bootc-sdk/core/transports')
  await using target = await openImageTarget(await openTransports({ tlsVerify: true }), to)
  const transport = await storedImageTransport(images, source)
  const { manifestDigest } = await withProgress(cli, options, false, (_progress, { signal, onProgress }) =>
    copyImage({
      source: { transport, reference: source },
      target,
      signal,
      onProgress: (event) => onProgress(asPullEvent(event)),
    }),
  )
  await cli.out.write(`Exported: ${manifestDigest}\n`)
}

/** One image of a store as something to copy from; its layers are plain tars. */
async function storedImageTransport(images: ImageStore, reference: ImageReference): Promise<ImageTransport> {
  const image = await images.lookup(reference)
  const documents = image === undefined ? undefined : await images.documents?.(image)
  if (image === undefined || documents === undefined || images.readLayer === undefined) {
    const name = displaySignedReference({ image: reference, signature: { kind: 'insecure' } })
    throw new UsageError(`${name} is not stored with its layers; "image list" shows what is there`)
  }
  const { manifest, config, manifestDigest, configDigest, layers } = image
  const served = new Map(
    manifest.layers.map((layer, index) => [layer.digest, { ...layer, digest: layers[index]!.diffId }]),
  )
  return {
    name: printImageReference(reference),
    transports: [reference.transport],
    supports: { range: false, localTree: false },
    resolve: () =>
      Promise.resolve({ reference, manifestDigest, manifest, config, configDigest, ...documents, served }),
    openLayer: (_image, layer) => {
      const index = manifest.layers.findIndex(({ digest }) => digest === layer.digest)
      return images.readLayer!(image, index)
    },
  }
}
