export { binaryOpenPgpKeys, detachedOpenPgp, signatureVerifiers } from './signature-verifiers.js'
export { signedByKey } from './signed-by-key.js'
export type { VerifierOptions } from './signature-verifiers.js'
