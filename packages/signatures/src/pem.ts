import { createPublicKey, type KeyObject } from 'node:crypto'
import { SignatureRejection } from '@bootc-sdk/core/containers-conf'

export interface PemBlock {
  /** `CERTIFICATE`, `PUBLIC KEY`, … */
  readonly label: string
  readonly der: Buffer<ArrayBuffer>
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*?)-----END \1-----/g

/** All blocks in a text, in order; what stands around them does not count. */
export function pemBlocks(text: Uint8Array | string): PemBlock[] {
  const plain = typeof text === 'string' ? text : Buffer.from(text).toString('latin1')
  return [...plain.matchAll(block)].map((match) => ({
    label: match[1]!,
    der: Buffer.from(match[2]!, 'base64'),
  }))
}

/** Exactly one block and no more text after it. @throws SignatureRejection */
export function onlyPemBlock(text: Uint8Array | string, what: string): PemBlock {
  const blocks = pemBlocks(text)
  const plain = typeof text === 'string' ? text : Buffer.from(text).toString('latin1')
  const [first] = blocks
  if (blocks.length !== 1 || first === undefined || !/-----END [A-Z0-9 ]+-----\s*$/.test(plain)) {
    throw new SignatureRejection(`${what} is not one PEM block`)
  }
  return first
}

/** A public key as policies hold it. @throws SignatureRejection for private keys, certificates and others */
export function publicKeyOf(pem: Uint8Array, what: string): KeyObject {
  const [first] = pemBlocks(pem)
  try {
    if (first?.label === 'PUBLIC KEY') return createPublicKey({ key: first.der, format: 'der', type: 'spki' })
    if (first?.label === 'RSA PUBLIC KEY') {
      return createPublicKey({ key: first.der, format: 'der', type: 'pkcs1' })
    }
  } catch (cause) {
    throw new SignatureRejection(`${what} cannot be read: ${(cause as Error).message}`)
  }
  throw new SignatureRejection(`${what} is not a public key in PEM`)
}

/** Strict base64 of an annotation. @throws SignatureRejection */
export function base64Of(text: unknown, what: string): Buffer {
  const plain = typeof text === 'string' ? text.replace(/[\r\n]/g, '') : ''
  if (plain === '' || plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) {
    throw new SignatureRejection(`${what} is not base64`)
  }
  return Buffer.from(plain, 'base64')
}
