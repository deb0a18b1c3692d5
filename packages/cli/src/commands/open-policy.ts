import type {
  ImageReference,
  ImageTransport,
  SignaturePolicy,
  SignatureSource,
  SignedImageReference,
} from '@bootc-sdk/core'
import { loadSignatures } from './load-signatures.js'

/**
 * This machine's containers-policy.json(5).
 *
 * @param path another file than the machine's
 */
export async function openPolicy(
  transports: readonly ImageTransport[],
  path?: string,
): Promise<SignaturePolicy> {
  const { containersPolicy, loadPolicy } = await import('@bootc-sdk/core/containers-conf')
  const { signaturesFrom } = await import('@bootc-sdk/core/transports')
  // Read at once: a policy that cannot be understood is told before anything is fetched.
  const policy = await loadPolicy(path === undefined ? {} : { path })
  return containersPolicy({
    policy: () => Promise.resolve(policy),
    signatures: signaturesFrom(transports),
    verifiers: loadVerifiers,
    place: storagePlace,
  })
}

/** What an image is verified by: what its name says, and where that is nothing, the policy if `isEnforced`. */
export function demandedSignature({ signature }: SignedImageReference, isEnforced: boolean): SignatureSource {
  return isEnforced && signature.kind === 'insecure' ? { kind: 'containerPolicy' } : signature
}

/** Scopes of podman's storage name the storage: that of `[DRIVER@ROOT…]`, else the machine's. */
async function storagePlace({ transport, name }: ImageReference) {
  if (transport !== 'containers-storage') return undefined
  const { loadStorageConf } = await import('@bootc-sdk/containers-storage')
  const conf = loadStorageConf()
  const named = /^\[(?:([^@\]]+)@)?([^+:\]]+)/.exec(name)
  return { driver: named?.[1] ?? conf.driver ?? 'overlay', graphRoot: named?.[2] ?? conf.graphRoot }
}

/** Loaded for policies that ask for signatures. */
async function loadVerifiers() {
  return (await loadSignatures()).signatureVerifiers()
}
