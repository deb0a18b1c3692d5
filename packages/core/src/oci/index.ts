export type * from './types.js'
export type * from './reference.js'
export {
  displaySignedReference,
  followedReference,
  parseImageReference,
  parseSignatureSource,
  parseSignedReference,
  parseTransport,
  printImageReference,
  printSignatureSource,
  printSignedReference,
  printTransport,
} from './parse-reference.js'
export {
  canonicalReference,
  isTag,
  parseRegistryName,
  printRegistryName,
  referenceDigest,
  registryHost,
  replaceTag,
} from './registry-name.js'
export type { RegistryName } from './registry-name.js'
export { digestAlgorithm, digestHex, isDigest, parseDigest, sha256Digest, verifyDigest } from './digest.js'
export {
  isIndexMediaType,
  isLayerMediaType,
  isManifestMediaType,
  manifestAccept,
  mediaTypes,
  ociMediaType,
} from './media-types.js'
export { canonicalJson } from './canonical-json.js'
export { parseStrictJson } from './strict-json.js'
export type { JsonObject, JsonValue } from './strict-json.js'
export {
  maxDocumentBytes,
  maxLayers,
  parseConfig,
  parseIndex,
  parseManifest,
  requireImageLayers,
} from './documents.js'
export { detectMediaType } from './detect-media-type.js'
export {
  goConfigBytes,
  isDockerManifest,
  normalizeConfig,
  normalizeManifest,
  toOciManifest,
} from './normalize.js'
export {
  choosePlatform,
  configPlatform,
  goArchitecture,
  hostPlatform,
  platformWarnings,
  printPlatform,
} from './platform.js'
