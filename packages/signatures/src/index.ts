export { binaryOpenPgpKeys, detachedOpenPgp, signatureVerifiers } from './signature-verifiers.js'
export type { VerifierOptions } from './signature-verifiers.js'
