export type { SignType } from '../format/signatures.js'
export { loadSystemKeys, readKeyFile, systemKeyDirs, type KeySet } from './key-files.js'
export {
  publicKeyOfText,
  publicKeysOfFile,
  secretKeyOfText,
  secretKeysOfFile,
  type PublicKey,
} from './keys.js'
export type { OpenPgpCheck } from './openpgp.js'
export { openRemoteVerifier, type RemoteVerifier, type TrustOptions } from './remote-verifier.js'
export {
  addSignature,
  addSummarySignature,
  deleteSignatures,
  signCommit,
  signSummary,
  verifyCommit,
  type Signing,
} from './sign.js'
export { verifySignatures } from './check-signatures.js'
