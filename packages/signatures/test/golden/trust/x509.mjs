// Certificates of any kind, also such as no CA should issue, and entries of a transparency log.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const length = (n) => (n < 0x80 ? Buffer.from([n]) : n < 0x100 ? Buffer.from([0x81, n]) : Buffer.from([0x82, n >> 8, n & 0xff]))
const tlv = (tag, ...parts) => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), length(content.length), content])
}
const seq = (...parts) => tlv(0x30, ...parts)
const oid = (text) => {
  const [first, second, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const value of rest) {
    const groups = [value & 0x7f]
    for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return tlv(0x06, Buffer.from(bytes))
}
const bool = (value) => tlv(0x01, Buffer.from([value ? 0xff : 0]))
const integer = (value) => tlv(0x02, Buffer.from([value]))
const utf8 = (text) => tlv(0x0c, Buffer.from(text))
const time = (ms) => tlv(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')}`))
const name = (text) => seq(tlv(0x31, seq(oid('2.5.4.3'), utf8(text))))
const extension = (id, value, critical = false) => seq(oid(id), ...(critical ? [bool(true)] : []), tlv(0x04, value))
const ecdsaSha256 = seq(oid('1.2.840.10045.4.3.2'))

export const ext = {
  ca: (pathLength) => extension('2.5.29.19', seq(bool(true), ...(pathLength === undefined ? [] : [integer(pathLength)])), true),
  certSign: extension('2.5.29.15', tlv(0x03, Buffer.from([2, 0x04])), true),
  digitalSignature: extension('2.5.29.15', tlv(0x03, Buffer.from([7, 0x80])), true),
  usage: (id) => extension('2.5.29.37', seq(oid(id))),
  codeSigning: extension('2.5.29.37', seq(oid('1.3.6.1.5.5.7.3.3'))),
  emails: (...all) => extension('2.5.29.17', seq(...all.map((one) => tlv(0x81, Buffer.from(one)))), true),
  hosts: (...all) => extension('2.5.29.17', seq(...all.map((one) => tlv(0x82, Buffer.from(one))))),
  issuerV1: (text) => extension('1.3.6.1.4.1.57264.1.1', Buffer.from(text)),
  issuerV2: (text) => extension('1.3.6.1.4.1.57264.1.8', utf8(text)),
  raw: extension,
  utf8,
}

export const day = 86_400_000
export const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** @returns { pem, key, subject }; without `by` it signs itself */
export function certificate({ subject, by, key = newKey(), from = Date.now() - day, until = Date.now() + 3650 * day, extensions }) {
  const body = seq(
    tlv(0xa0, integer(2)),
    tlv(0x02, Buffer.concat([Buffer.from([0x11]), randomBytes(8)])),
    ecdsaSha256,
    name(by?.subject ?? subject),
    seq(time(from), time(until)),
    name(subject),
    key.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, seq(...extensions)),
  )
  const signature = sign('sha256', body, (by?.key ?? key).privateKey)
  const der = seq(body, ecdsaSha256, tlv(0x03, Buffer.from([0]), signature))
  const lines = der.toString('base64').match(/.{1,64}/g).join('\n')
  return { subject, key, pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n` }
}

/**
 * Annotation `dev.sigstore.cosign/bundle`.
 *
 * @param change edits the record, the entry, and the finished bundle
 */
export function logEntry({ log, pem, signature, payload, at = Date.now(), record = (r) => r, entry = (e) => e, bundle = (b) => b }) {
  const value = createHash('sha256').update(payload).digest('hex')
  const body = record({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value } },
      signature: { content: signature, publicKey: { content: Buffer.from(pem).toString('base64') } },
    },
  })
  const Payload = entry({
    body: Buffer.from(JSON.stringify(body)).toString('base64'),
    integratedTime: Math.floor(at / 1000),
    logIndex: 7,
    logID: 'ab'.repeat(32),
  })
  const canonical = JSON.stringify(Object.fromEntries(Object.entries(Payload).sort(([a], [b]) => (a < b ? -1 : 1))))
  const SignedEntryTimestamp = sign('sha256', Buffer.from(canonical), log.privateKey).toString('base64')
  return JSON.stringify(bundle({ SignedEntryTimestamp, Payload }))
}
