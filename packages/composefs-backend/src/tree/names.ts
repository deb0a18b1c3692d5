import { decodeName, encodeName } from '@bootc-sdk/core/names'
import type { ByteString } from './inode.js'

/** A name of `ReadTree` as bytes. */
export function toBytes(name: string): ByteString {
  return encodeName(name).toString('latin1')
}

/** Bytes as a name of `ReadTree`. */
export function fromBytes(bytes: ByteString): string {
  return decodeName(Buffer.from(bytes, 'latin1'))
}
