import type { Commit } from '../repo/api.js'
import { checksumBytes, maxMetadataBytes } from './checksum.js'
import { corrupt, invalid } from './errors.js'
import { decodeVariant } from './gvariant-decode.js'
import { encodeVariant } from './gvariant-encode.js'
import { checkKeys, swap64 } from './variant-dict.js'

const type = '(a{sv}aya(say)sstayay)'
const empty = Buffer.alloc(0)

/**
 * Encode a commit: metadata, parent, related objects (always none), subject, body, timestamp (big-endian),
 * root dirtree, root dirmeta.
 *
 * @throws BootcError `STORE_OSTREE_INVALID`
 * @see ostree 2026.4 src/libostree/ostree-core.h, OSTREE_COMMIT_GVARIANT_STRING
 */
export function encodeCommit(commit: Commit): Buffer {
  checkKeys(commit.metadata)
  if (!Number.isSafeInteger(commit.timestamp) || commit.timestamp < 0) {
    throw invalid('commit', `timestamp ${commit.timestamp}`)
  }
  const bytes = encodeVariant(type, [
    commit.metadata,
    commit.parent === undefined ? empty : checksumBytes(commit.parent),
    [],
    commit.subject,
    commit.body,
    swap64(BigInt(commit.timestamp)),
    checksumBytes(commit.rootTree),
    checksumBytes(commit.rootMeta),
  ])
  if (bytes.length > maxMetadataBytes) throw invalid('commit', `${bytes.length} bytes are too many`)
  return bytes
}

/** @throws BootcError `STORE_OSTREE_CORRUPT` */
export function decodeCommit(bytes: Uint8Array, what = 'commit'): Commit {
  if (bytes.length > maxMetadataBytes) throw corrupt(what, `${bytes.length} bytes are too many`)
  const [metadata, parent, related, subject, body, timestamp, tree, meta] = decodeVariant(
    type,
    bytes,
    what,
  ) as [Commit['metadata'], Buffer, unknown[], string, string, bigint, Buffer, Buffer]
  if (parent.length !== 0 && parent.length !== 32) throw corrupt(what, 'parent is not 32 bytes')
  if (tree.length !== 32 || meta.length !== 32) throw corrupt(what, 'root is not 32 bytes')
  // libostree never wrote any; keeping them would need a field that nothing fills.
  if (related.length > 0) throw corrupt(what, 'related objects')
  const seconds = Number(swap64(timestamp))
  if (!Number.isSafeInteger(seconds)) throw corrupt(what, 'timestamp out of range')
  return {
    metadata,
    ...(parent.length === 0 ? {} : { parent: parent.toString('hex') }),
    subject,
    body,
    timestamp: seconds,
    rootTree: tree.toString('hex'),
    rootMeta: meta.toString('hex'),
  }
}
