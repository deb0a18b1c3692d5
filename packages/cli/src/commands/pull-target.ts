import type { ImageStore, PulledLayer, StoredImage } from '@bootc-sdk/core'

/** Where `image pull` puts an image, and how it tells what it put there. */
export interface PullTarget extends AsyncDisposable {
  readonly store: ImageStore
  /** After the image is there. */
  describe(image: StoredImage): Promise<ImageIds>
  /** A layer in JSON. */
  layer(layer: PulledLayer): Readonly<Record<string, unknown>>
}

export interface ImageIds {
  /** Members of the JSON object. */
  readonly json: Readonly<Record<string, string>>
  /** For people: what it is called and the id. */
  readonly lines: readonly (readonly [label: string, id: string])[]
}
