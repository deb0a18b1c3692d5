/** A document that one case adds to the world. */
export interface Served {
  readonly path: string
  readonly host?: string
  readonly status?: number
  readonly type: string
  /** Base64. */
  readonly body: string
}
export declare const manifest: Buffer
export declare const manifestDigest: `sha256:${string}`
export declare const manifestType: string
export declare const blobs: ReadonlyMap<string, Buffer>
export declare const names: readonly string[]
export declare const classes: Readonly<Record<string, string>>
export declare function digestOf(bytes: Uint8Array | string): `sha256:${string}`
export declare function isManifest(path: string): boolean
export declare function answer(request: {
  readonly host: string
  readonly path: string
  readonly authorization: string | undefined
  readonly hasClient: boolean
  readonly served: readonly Served[]
}): { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }
