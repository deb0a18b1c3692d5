import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { mayIssue, unfit, type Certificate } from './certificate.js'

const maxDepth = 10
/** Chains are searched, and certificates come from strangers. */
const maxChecks = 200
const goodHashes: ReadonlySet<string> = new Set(['sha256', 'sha384', 'sha512'])

/**
 * Is there a chain from a certificate to one of the roots, every link of which is valid at a time and good for
 * code signing?
 *
 * @param intermediates may help, are not trusted
 * @throws SignatureRejection with the last reason met
 * @see RFC 5280 section 6
 */
export function verifyChain(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  now: number,
): void {
  let reason = 'the certificate leads to no CA that the policy trusts'
  let checks = 0
  const reaches = (chain: readonly Certificate[]): boolean => {
    const last = chain.at(-1)!
    const problem = unfit(last, now)
    if (problem !== undefined) {
      reason = problem
      return false
    }
    if (roots.some((root) => root.der.equals(last.der))) return true
    if (chain.length > maxDepth) return false
    for (const issuer of [...roots, ...intermediates]) {
      if (++checks > maxChecks) return false
      if (chain.some((one) => one.der.equals(issuer.der))) continue
      if (!isIssuedBy(last, issuer)) continue
      if (!mayIssue(issuer, chain.length - 1)) reason = 'a certificate was issued by one that may not'
      else if (reaches([...chain, issuer])) return true
    }
    return false
  }
  if (!reaches([leaf])) throw new SignatureRejection(reason)
}

function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!goodHashes.has(certificate.fields.signatureAlgorithm ?? '')) return false
  try {
    return certificate.node.checkIssued(issuer.node) && certificate.node.verify(issuer.publicKey)
  } catch {
    return false
  }
}
