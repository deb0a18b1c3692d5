/**
 * Names that ostree-ext (bootc's container library) gives to refs, metadata keys and labels.
 *
 * @see bootc 1.16.9, crate ostree-ext 0.15.3: container/store.rs, container/mod.rs
 */

/** Value of `ostree.importer.version`; part of every commit's checksum. */
export const importerVersion = '0.15.3'

export const layerRefPrefix = 'ostree/container/blob'
export const imageRefPrefix = 'ostree/container/image'
/** Roots of layer collection that tools own: `ostree/container/baseimage/bootc/0`. */
export const baseImageRefPrefix = 'ostree/container/baseimage'

/** Refs whose commits keep their layers, besides images themselves. */
export const layerRootPrefixes: readonly string[] = [
  'ostree/0',
  'ostree/1',
  'rpmostree/base',
  baseImageRefPrefix,
]

export const manifestKey = 'ostree.manifest'
export const manifestDigestKey = 'ostree.manifest-digest'
export const configKey = 'ostree.container.image-config'
export const importerVersionKey = 'ostree.importer.version'

/** Detached metadata of a merge commit: what a check for updates saw. */
export const cachedManifestKey = 'ostree-ext.cached.manifest'
export const cachedManifestDigestKey = 'ostree-ext.cached.manifest-digest'
export const cachedConfigKey = 'ostree-ext.cached.config'

/** Label: diffId of the last layer that came from an OSTree commit. */
export const finalDiffIdLabel = 'ostree.final-diffid'
/** Label: the commit that an image was made from. */
export const commitLabel = 'ostree.commit'
/** Layer annotation: names of the components in it, sorted, between separators. */
export const componentsAnnotation = 'ostree.components'
export const componentSeparator = ','
/** Manifest annotation with the time of the build. */
export const createdAnnotation = 'org.opencontainers.image.created'

/** Where repository objects lie in layers made from a commit, and in layers that changed them afterwards. */
export const repoPrefix = 'sysroot/ostree/repo/'
