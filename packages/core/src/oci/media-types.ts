/** Media types of OCI image-spec 1.1 and their Docker predecessors. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociForeignLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  ociForeignLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ociForeignLayerZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  /** Schema 1, refused everywhere. */
  dockerManifestV1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerManifestV1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const

/** `Accept` of a manifest request, in skopeo's order without schema 1. */
export const manifestAccept = [
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.ociIndex,
].join(', ')

const toOci: ReadonlyMap<string, string> = new Map([
  [mediaTypes.dockerManifest, mediaTypes.ociManifest],
  [mediaTypes.dockerManifestList, mediaTypes.ociIndex],
  [mediaTypes.dockerConfig, mediaTypes.ociConfig],
  [mediaTypes.dockerLayer, mediaTypes.ociLayer],
  [mediaTypes.dockerLayerGzip, mediaTypes.ociLayerGzip],
  [mediaTypes.dockerLayerZstd, mediaTypes.ociLayerZstd],
  [mediaTypes.dockerForeignLayer, mediaTypes.ociForeignLayer],
  [mediaTypes.dockerForeignLayerGzip, mediaTypes.ociForeignLayerGzip],
])

/** The OCI media type for a Docker one; others are returned as they are. */
export function ociMediaType(mediaType: string): string {
  return toOci.get(mediaType) ?? mediaType
}

const layerTypes: ReadonlySet<string> = new Set([
  mediaTypes.ociLayer,
  mediaTypes.ociLayerGzip,
  mediaTypes.ociLayerZstd,
  mediaTypes.ociForeignLayer,
  mediaTypes.ociForeignLayerGzip,
  mediaTypes.ociForeignLayerZstd,
])

/** True for a layer that is a tar, plain or compressed, in either family. */
export function isLayerMediaType(mediaType: string): boolean {
  return layerTypes.has(ociMediaType(mediaType))
}

export function isIndexMediaType(mediaType: string): boolean {
  return ociMediaType(mediaType) === mediaTypes.ociIndex
}

export function isManifestMediaType(mediaType: string): boolean {
  return ociMediaType(mediaType) === mediaTypes.ociManifest
}
