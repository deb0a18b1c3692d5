import type { ImageDestination, ImageReference, ImageTransport } from '@bootc-sdk/core'
import { parseImgref } from '../imgref.js'
import { UsageError } from '../io.js'

/** A place to write an image to. Disposing lets go of what was begun there and did not become an image. */
export interface ImageTarget extends AsyncDisposable {
  readonly destination: ImageDestination
  readonly reference: ImageReference
}

/** @throws UsageError when nothing writes to such places */
export async function openImageTarget(
  transports: readonly ImageTransport[],
  text: string,
): Promise<ImageTarget> {
  const { defaultDestinations } = await import('@bootc-sdk/core/transports')
  const reference = parseImgref(text).image
  const destination = defaultDestinations(transports).find((each) =>
    each.transports.includes(reference.transport),
  )
  if (destination === undefined) throw new UsageError(`nothing can be written to ${reference.transport}:`)
  return { destination, reference, [Symbol.asyncDispose]: async () => destination.close?.() }
}
