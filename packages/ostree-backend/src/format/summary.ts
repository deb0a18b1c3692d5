import { compareNames } from '@bootc-sdk/core/names'
import type { VariantDict } from '../repo/api.js'
import { checksumBytes, maxMetadataBytes } from './checksum.js'
import { corrupt } from './errors.js'
import { decodeVariant } from './gvariant-decode.js'
import { encodeVariant } from './gvariant-encode.js'

const type = '(a(s(taya{sv}))a{sv})'

export interface SummaryRef {
  readonly ref: string
  readonly commit: string
  /** Size of the commit object. */
  readonly commitBytes: number
  readonly metadata: VariantDict
}

/** The `summary` file: what a repository offers. */
export interface Summary {
  /** In byte order of names; readers search by halving. */
  readonly refs: readonly SummaryRef[]
  readonly metadata: VariantDict
}

type RawRef = [string, [bigint, Buffer, VariantDict]]

/** @see ostree 2026.4 src/libostree/ostree-core.h, OSTREE_SUMMARY_GVARIANT_STRING */
export function encodeSummary(summary: Summary): Buffer {
  const refs = [...summary.refs].sort((a, b) => compareNames(a.ref, b.ref))
  return encodeVariant(type, [
    refs.map(({ ref, commit, commitBytes, metadata }) => [
      ref,
      [BigInt(commitBytes), checksumBytes(commit), metadata],
    ]),
    summary.metadata,
  ])
}

/** @throws BootcError `STORE_OSTREE_CORRUPT`, also for refs out of order */
export function decodeSummary(bytes: Uint8Array, what = 'summary'): Summary {
  if (bytes.length > maxMetadataBytes) throw corrupt(what, `${bytes.length} bytes are too many`)
  const [rawRefs, metadata] = decodeVariant(type, bytes, what) as [RawRef[], VariantDict]
  const refs = rawRefs.map(([ref, [size, commit, refMetadata]]) => {
    if (commit.length !== 32 || size > BigInt(maxMetadataBytes))
      throw corrupt(what, `entry of ${JSON.stringify(ref)}`)
    return { ref, commit: commit.toString('hex'), commitBytes: Number(size), metadata: refMetadata }
  })
  for (let index = 1; index < refs.length; index++) {
    if (compareNames(refs[index - 1]!.ref, refs[index]!.ref) >= 0) throw corrupt(what, 'refs out of order')
  }
  return { refs, metadata }
}
