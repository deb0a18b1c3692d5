import type { TrustOptions } from '@bootc-sdk/ostree-backend'
import { loadSignatures } from '../commands/load-signatures.js'

/** What verification of OSTree remotes needs besides the machine's keys. */
export const remoteTrust: TrustOptions = {
  openpgp: async () => (await loadSignatures()).detachedOpenPgp(),
}
