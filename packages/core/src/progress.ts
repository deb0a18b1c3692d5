import type { Digest } from './interfaces/common.js'

/** Cumulative bytes of one thing; at most about ten a second per id, and always a last one with bytes = totalBytes. */
export interface ByteProgress {
  /** What is moving: a layer digest, a file. */
  readonly id: string
  readonly bytes: number
  /** 0 where unknown. */
  readonly totalBytes: number
  readonly cachedBytes: number
}

/** Events of a pull (`pullImage`). */
export type PullEvent =
  | {
      readonly type: 'pull:resolved'
      readonly detail: {
        readonly manifestDigest: Digest
        readonly layers: readonly {
          readonly digest: Digest
          readonly sizeBytes: number
          readonly present: boolean
        }[]
      }
    }
  | { readonly type: 'pull:layer'; readonly detail: ByteProgress }
  | {
      readonly type: 'pull:retry'
      readonly detail: {
        readonly id: string
        readonly attempt: number
        readonly waitMs: number
        readonly reason: string
      }
    }
  | {
      /** An earlier try left so much of a layer: only the rest is fetched. */
      readonly type: 'pull:resumed'
      readonly detail: { readonly id: Digest; readonly keptBytes: number; readonly totalBytes: number }
    }
  | {
      /** A layer of which a part is fetched; with a reason: this was tried, and the whole layer is fetched. */
      readonly type: 'pull:partial'
      readonly detail: {
        readonly id: Digest
        readonly fetchBytes: number
        readonly totalBytes: number
        readonly reason?: string
      }
    }
  | {
      readonly type: 'import:layer'
      readonly detail: { readonly id: string; readonly entries: number; readonly done: boolean }
    }
  | { readonly type: 'import:merge'; readonly detail: { readonly done: boolean } }

/** Events of copying an image to another place (`copyImage`). */
export type CopyEvent =
  | { readonly type: 'copy:blob'; readonly detail: ByteProgress & { readonly skipped?: boolean } }
  | Extract<PullEvent, { type: 'pull:retry' }>

/** Events of operations on a sysroot, with those of the pull inside them. */
export type DeployEvent =
  | PullEvent
  | { readonly type: 'lock:waiting'; readonly detail: { readonly path: string } }
  | { readonly type: 'deploy:checkout'; readonly detail: { readonly done: number; readonly total: number } }
  | {
      readonly type: 'deploy:etc-merge'
      readonly detail: { readonly modified: number; readonly removed: number; readonly added: number }
    }
  | { readonly type: 'boot:copy'; readonly detail: ByteProgress }
  | {
      readonly type: 'stage:step'
      /** Steps of 3, as bootc counts them. */
      readonly detail: {
        readonly step: 'merging' | 'deploying' | 'bound_images' | 'cleanup'
        readonly done: boolean
      }
    }
  | {
      readonly type: 'prune:done'
      readonly detail: {
        readonly images: number
        readonly layers: number
        readonly objects: number
        readonly bytes: number
      }
    }

export type ProgressEvent = DeployEvent
