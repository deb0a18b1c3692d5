import type { Xattr } from '@bootc-sdk/core'
import { sha256Hex } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import { decodeVariant } from '../format/gvariant-decode.js'
import { encodeVariant } from '../format/gvariant-encode.js'
import { encodeName } from '@bootc-sdk/core/names'
import { xattrsFromPairs } from '../format/xattrs.js'
import type { ObjectMeta } from '../repo/api.js'
import { toXz, unxz } from './xz.js'

/** What a part's operations work with. */
export interface PartPayload {
  readonly modes: readonly Pick<ObjectMeta, 'uid' | 'gid' | 'mode'>[]
  readonly xattrSets: readonly (readonly Xattr[])[]
  readonly blob: Buffer
  readonly operations: Buffer
}

const type = '(a(uuu)aa(ayay)ayay)'
const plain = 0x00
const xz = 0x78

type Raw = [[number, number, number][], [Buffer, Buffer][][], Buffer, Buffer]

/**
 * @param bytes a part's file: one byte that names the compression, then the payload
 * @throws BootcError `STORE_OSTREE_CORRUPT`, `STORE_OSTREE_NO_XZ`
 * @see ostree.md §12.3 in the format documents
 */
export async function readPart(
  bytes: Uint8Array,
  options: {
    readonly digest: string
    readonly maxBytes: number
    readonly what: string
    readonly signal?: AbortSignal | undefined
  },
): Promise<PartPayload> {
  const { digest, maxBytes, what, signal } = options
  if (sha256Hex(bytes) !== digest) throw corrupt(what, 'has another checksum than its superblock says')
  const body = bytes.subarray(1)
  const compression = bytes[0]
  if (compression !== plain && compression !== xz)
    throw corrupt(what, `compression ${compression} is unknown`)
  if (compression === plain && body.length > maxBytes)
    throw corrupt(what, 'is larger than its objects can be')
  const payload = compression === plain ? body : await unxz(body, maxBytes, what, signal)
  const [modes, xattrSets, blob, operations] = decodeVariant(type, payload, what) as Raw
  return {
    modes: modes.map(([uid, gid, mode]) => ({ uid: swap32(uid), gid: swap32(gid), mode: swap32(mode) })),
    xattrSets: xattrSets.map((set) => xattrsFromPairs(set, what)),
    blob,
    operations,
  }
}

/** @returns the part's file */
export async function writePart(payload: PartPayload, signal?: AbortSignal): Promise<Buffer> {
  const bytes = encodeVariant(type, [
    payload.modes.map(({ uid, gid, mode }) => [swap32(uid), swap32(gid), swap32(mode)]),
    payload.xattrSets.map((set) =>
      set.map(({ name, value }) => [Buffer.concat([encodeName(name), Buffer.alloc(1)]), value]),
    ),
    payload.blob,
    payload.operations,
  ])
  return Buffer.concat([Buffer.of(xz), await toXz(bytes, signal)])
}

function swap32(value: number): number {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes.readUInt32BE()
}
