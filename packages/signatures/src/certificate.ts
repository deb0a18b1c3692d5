import { X509Certificate as NodeCertificate, type KeyObject } from 'node:crypto'
import { SignatureRejection } from '@bootc-sdk/core/containers-conf'
import { X509Certificate } from '@sigstore/core'
import { pemBlocks } from './pem.js'

/** One certificate, by both parsers: Node verifies signatures, the other one shows extensions. */
export interface Certificate {
  readonly der: Buffer<ArrayBuffer>
  readonly fields: X509Certificate
  readonly node: NodeCertificate
  readonly publicKey: KeyObject
}

const oid = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  anyUsage: '2.5.29.37.0',
} as const

/** Critical extensions whose meaning is heeded here (policies restrict nothing by themselves). */
const understood: ReadonlySet<string> = new Set([
  oid.keyUsage,
  oid.subjectAltName,
  oid.basicConstraints,
  oid.certificatePolicies,
  oid.extKeyUsage,
])

/** @throws SignatureRejection */
function parseCertificate(der: Buffer<ArrayBuffer>, what: string): Certificate {
  try {
    const node = new NodeCertificate(der)
    return { der, fields: X509Certificate.parse(der), node, publicKey: node.publicKey }
  } catch (cause) {
    throw new SignatureRejection(`${what} cannot be read: ${(cause as Error).message}`)
  }
}

/** Certificates of a PEM text, in order. */
export function parseCertificates(pem: Uint8Array | string, what: string): Certificate[] {
  return pemBlocks(pem)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => parseCertificate(der, what))
}

/** Values of an extension in a certificate; more than one is a mistake of the issuer. */
export function extensionValues({ fields }: Certificate, id: string): Buffer[] {
  return fields.extensions
    .filter((extension) => extension.subs[0]!.toOID() === id)
    .map((extension) => Buffer.from(extension.subs.at(-1)!.value))
}

/** E-mail addresses that a certificate is for. */
export function emailsOf({ fields }: Certificate): string[] {
  const names = fields.extension(oid.subjectAltName)?.valueObj.subs[0]?.subs ?? []
  return names.filter(({ tag }) => tag.isContextSpecific(1)).map(({ value }) => value.toString('latin1'))
}

/** A word about why this certificate may not stand in a chain; undefined when it may. */
export function unfit(certificate: Certificate, now: number): string | undefined {
  const { fields } = certificate
  if (!fields.validForDate(new Date(now))) return 'a certificate is not valid at that time'
  const ids = fields.extensions.map((extension) => extension.subs[0]!.toOID())
  if (new Set(ids).size !== ids.length) return 'a certificate repeats an extension'
  // Constraints on names are never seen with the CAs that sign for images; judging them wrongly would be worse.
  if (ids.includes(oid.nameConstraints)) return 'a certificate has name constraints'
  const unknown = ids.find((id) => fields.extension(id)!.critical && !understood.has(id))
  if (unknown !== undefined) return `a certificate has an unknown critical extension ${unknown}`
  return mayCodeSign(certificate) ? undefined : 'a certificate is not for code signing'
}

/** Without a list of usages, all are allowed. */
function mayCodeSign({ fields }: Certificate): boolean {
  const usages = fields.extension(oid.extKeyUsage)?.valueObj.subs[0]?.subs.map((usage) => usage.toOID())
  return usages === undefined || usages.includes(oid.codeSigning) || usages.includes(oid.anyUsage)
}

/** May it sign others, with so many intermediates below it? */
export function mayIssue({ fields }: Certificate, intermediatesBelow: number): boolean {
  const constraints = fields.extBasicConstraints
  if (constraints === undefined || !fields.isCA) return false
  const { pathLenConstraint } = constraints
  return pathLenConstraint === undefined || pathLenConstraint >= BigInt(intermediatesBelow)
}
