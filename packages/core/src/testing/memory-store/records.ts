import type { StoredImage, UnlockedState } from '../../interfaces/index.js'
import type { SignedImageReference } from '../../oci/index.js'
import type { LayerStep } from './layer.js'

/** `layers/<diffId>.json` */
export interface LayerRecord {
  readonly diffId: string
  readonly steps: readonly LayerStep[]
}

/** `images/<manifest digest>.json` */
export interface ImageRecord {
  readonly image: StoredImage
}

/** `deploy/<id>.json`; its presence makes a deployment complete. */
export interface DeploymentRecord {
  readonly id: string
  readonly serial: number
  readonly stateroot: string
  readonly origin: SignedImageReference
  readonly image: {
    readonly manifestDigest: StoredImage['manifestDigest']
    readonly configDigest: StoredImage['configDigest']
    readonly architecture: string
    readonly version?: string
    readonly created?: string
  }
  readonly bootDigest: string
  /** Paths in the deployment. */
  readonly kernel: string
  readonly initrds: readonly string[]
  readonly title: string
  readonly osId: string
  readonly pinned: boolean
  readonly unlocked: UnlockedState
}
