export type {
  MirrorTable,
  MirrorUse,
  PullSource,
  RegistriesConf,
  RegistriesFile,
  RegistryTable,
  ShortNameMode,
} from './registries-types.js'
export { authFileHelper, emptyRegistriesConf } from './registries-types.js'
export { hostConfReader } from './conf-reader.js'
export type { ConfContext, ConfReader } from './conf-reader.js'
export { parseRegistriesFile } from './parse-registries.js'
export { loadRegistriesConf, mergeRegistries } from './load-registries.js'
export type { RegistriesConfOptions } from './load-registries.js'
export { findRegistry, matchPrefix, registrySources, registryTarget } from './find-registry.js'
export { isShort, namesToTry, resolveShortName } from './short-name.js'
export type { ShortNameCandidates } from './short-name.js'
export { loadHostCertificates } from './host-certificates.js'
export type { HostCertificates } from './host-certificates.js'
export { loadRegistriesD, parseRegistriesD, signatureStorage } from './registries-d.js'
export type { RegistriesD, RegistriesDOptions, SignatureStorage } from './registries-d.js'
export type {
  ContainersPolicy,
  FulcioTrust,
  IdentityMatch,
  PkiTrust,
  PolicyBytes,
  PolicyRequirement,
  SignedBy,
  SigstoreSigned,
} from './policy-types.js'
export { parsePolicy } from './parse-policy.js'
export { loadPolicy } from './load-policy.js'
export type { PolicyFileOptions } from './load-policy.js'
export { dockerReferenceOf, policyScopes, policyTransport, requirementsFor } from './policy-scopes.js'
export type { PolicyDecision, ReferencePlace } from './policy-scopes.js'
export { matchesIdentity } from './match-identity.js'
export {
  maxAllSignatureBytes,
  maxSignatureBytes,
  maxSignatures,
  parseStoredSignature,
} from './stored-signature.js'
export { parseSignedPayload } from './signed-payload.js'
export type { SignedPayload } from './signed-payload.js'
export { sigstoreAnnotations, sigstoreSignatureType, SignatureRejection } from './signature-types.js'
export type { ImageSignature, SignatureVerifiers, SigstoreTrust } from './signature-types.js'
export { containersPolicy } from './containers-policy.js'
export type { ContainersPolicyOptions, PolicyFile } from './containers-policy.js'
