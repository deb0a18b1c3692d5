/** Transports of bootc and skopeo; `registry` prints as `docker://`. */
export type TransportName =
  'registry' | 'oci' | 'oci-archive' | 'docker-archive' | 'containers-storage' | 'dir' | 'docker-daemon'

/** Transport and opaque name: `{ transport: 'registry', name: 'quay.io/a/b:tag' }`. */
export interface ImageReference {
  readonly transport: TransportName
  readonly name: string
}

/** How an image is trusted: ostree-ext's signature sources. */
export type SignatureSource =
  | { readonly kind: 'containerPolicy' }
  | { readonly kind: 'insecure' }
  | { readonly kind: 'ostreeRemote'; readonly remote: string }

/** What origin files hold: `ostree-unverified-registry:quay.io/a/b:tag`. */
export interface SignedImageReference {
  readonly signature: SignatureSource
  readonly image: ImageReference
}
