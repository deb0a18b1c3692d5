import type { Digest, ImageReference } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'
import type { XattrMode } from '../tree/oci-transform.js'

/** Who names images, and what is made of them. */
export interface ComposefsImageStoreOptions {
  /**
   * Make the image that is booted, too: always, never (default), or when the root has a kernel or UKI and the
   * directories that booting needs. `bootImage` makes it later as well.
   */
  readonly bootable?: boolean | 'auto'
  /** Extended attributes in the image to be booted; default `allowlist-only`. */
  readonly xattrs?: XattrMode
  /**
   * How images are named in the repository:
   *
   * - `reference` (default): a tag with the text of the reference, as `cfsctl oci pull` does.
   * - `bootc`: a tag `localhost/bootc-<manifest digest>`, as bootc does for images of deployments. Which
   *   reference that was is told by the origin of deployments (`deployments`) and by a note of ours.
   *
   * `prune` touches the tags of its own style only: bootc keeps images of applications and the like under
   * other names, and those of deployments are nobody else's business.
   */
  readonly tagStyle?: 'reference' | 'bootc'
  /** Images that deployments on disk need, the preferred one of a reference first. */
  readonly deployments?: () => Promise<readonly DeployedImage[]>
}

/** What a deployment says about the image it was made from. */
export interface DeployedImage {
  /** The image that it boots. */
  readonly imageId: ObjectId
  readonly manifestDigest?: Digest
  readonly reference?: ImageReference
}

export type ImageStoreSettings = Required<Pick<ComposefsImageStoreOptions, 'bootable' | 'xattrs'>>
