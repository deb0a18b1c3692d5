import type { Digest } from '../interfaces/common.js'

/** OCI image-spec 1.1 descriptor. Unknown members are kept as they are. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly urls?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
  readonly artifactType?: string
  readonly data?: string
}

/** Go names: `{ architecture: 'arm64', os: 'linux', variant: 'v8' }`. */
export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

export interface ImageManifest {
  readonly schemaVersion: number
  readonly mediaType?: string
  readonly artifactType?: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

export interface ImageIndex {
  readonly schemaVersion: number
  readonly mediaType?: string
  readonly artifactType?: string
  readonly manifests: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** OCI image config. */
export interface ImageConfig {
  readonly created?: string
  readonly author?: string
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly config?: {
    readonly Labels?: Readonly<Record<string, string>>
    readonly [key: string]: unknown
  }
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly Digest[] }
  readonly history?: readonly {
    readonly created?: string
    readonly created_by?: string
    readonly author?: string
    readonly comment?: string
    readonly empty_layer?: boolean
  }[]
  readonly [key: string]: unknown
}
