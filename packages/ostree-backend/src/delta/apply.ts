import type { OpOptions } from '@bootc-sdk/core'
import { maxMetadataBytes, sha256Hex } from '../format/checksum.js'
import { corrupt } from '../format/errors.js'
import { decodeDict } from '../format/variant-dict.js'
import type { OstreeRepo, VariantDict } from '../repo/api.js'
import { configFlag } from '../repo/config.js'
import { noObject } from '../repo/errors.js'
import { badSignature } from '../trust/errors.js'
import { applyPart } from './apply-part.js'
import { deltaDir, printDeltaName, type DeltaName } from './names.js'
import { readPart } from './part.js'
import { decodeSuperblock, unwrapSigned, type Superblock } from './superblock.js'

/** A delta, wherever it lies. */
export interface DeltaSource {
  /** For messages. */
  readonly name: string
  readonly superblock: Superblock
  /** Present on signed ones: of {@link signedBytes}. */
  readonly signatures?: VariantDict
  readonly signedBytes: Uint8Array
  /** The file of a part. @throws BootcError `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_FETCH` */
  part(index: number): Promise<Uint8Array>
}

export interface ApplyDeltaResult extends DeltaName {
  /** Objects made. */
  readonly objects: number
  /** Bytes of parts that were read. */
  readonly bytes: number
}

export interface ApplyDeltaOptions extends OpOptions {
  /** Decides whether the delta is good, before anything of it is made. `core.sign-verify-deltas` demands one. */
  readonly verify?: (delta: DeltaSource) => Promise<void>
  /** Parts and objects of them that are larger are refused, since each is in memory whole. Default 2 GiB. */
  readonly maxPartBytes?: number
}

/** Parts are 32 MB by default; a single large object may make one larger. */
export const largestPartBytes = 2 * 1024 * 1024 * 1024 - 1

/** Parts unpack to what they make and what that is made of; more is somebody's game. */
const slackBytes = 64 * 1024 * 1024

/** @param expected what was asked for @throws BootcError `STORE_OSTREE_CORRUPT` */
export function openSuperblock(
  bytes: Uint8Array,
  what: string,
  expected?: DeltaName,
): Omit<DeltaSource, 'part'> {
  const { inner, signatures } = unwrapSigned(bytes, what)
  const superblock = decodeSuperblock(inner, what)
  const { from, to } = superblock
  if (expected !== undefined && (expected.to !== to || expected.from !== from)) {
    throw corrupt(what, `leads from ${from ?? 'nothing'} to ${to}`)
  }
  if (sha256Hex(superblock.commit) !== to) throw corrupt(what, 'its commit has another checksum')
  return { name: what, superblock, signedBytes: inner, ...(signatures === undefined ? {} : { signatures }) }
}

/** Parts that a delta in one file has in its metadata. */
export function inlinePart({ superblock, name }: Pick<DeltaSource, 'superblock' | 'name'>, index: number) {
  const key = `${deltaDir(superblock)}/${index}`
  const found = superblock.metadata.find(([each]) => each === key)?.[1]
  if (found?.type !== '(yay)') throw noObject(`part ${index} of ${name}`)
  const [compression, payload] = found.value as [number, Buffer]
  return Buffer.concat([Buffer.of(compression), payload])
}

/** Detached metadata of the commit that a delta in one file brings. */
export function inlineDetached({ superblock, name }: DeltaSource): VariantDict | undefined {
  const key = `${deltaDir(superblock)}/commitmeta`
  const found = superblock.metadata.find(([each]) => each === key)?.[1]
  if (found?.type === 'a{sv}') return found.value as VariantDict
  if (found?.type === 'ay') return decodeDict(found.value as Buffer, name)
  return undefined
}

/**
 * Make the objects of a delta. The commit stays partial until somebody has seen that everything is here
 * (`completeCommit`, or a pull): a delta may leave objects to be fetched one by one.
 *
 * @throws BootcError `STORE_OSTREE_SIGNATURE` when the repository wants it verified and nothing does;
 *   `STORE_OSTREE_NO_OBJECT` when the commit it starts from is not here; `STORE_OSTREE_CORRUPT`, `STORE_OSTREE_NO_XZ`,
 *   `STORE_NO_SPACE`
 */
export async function applyDelta(
  repo: OstreeRepo,
  source: DeltaSource,
  options: ApplyDeltaOptions = {},
): Promise<ApplyDeltaResult> {
  const { superblock, name } = source
  const { maxPartBytes = largestPartBytes } = options
  if (options.verify === undefined && configFlag(repo, 'core', 'sign-verify-deltas')) {
    throw badSignature(name, 'the repository wants deltas verified, and nothing that does it was given')
  }
  await options.verify?.(source)
  const { from, to, parts, commit } = superblock
  if (from !== undefined && (!(await repo.has('commit', from)) || (await repo.isPartial(from)))) {
    throw noObject(`${from}.commit, which delta ${printDeltaName(superblock)} starts from`)
  }
  await using transaction = await repo.begin(options)
  await transaction.markPartial(to, true)
  let [objects, bytes] = [0, 0]
  for (const [index, part] of parts.entries()) {
    options.signal?.throwIfAborted()
    const what = `part ${index} of ${name}`
    const file = await source.part(index)
    if (file.length !== part.sizeBytes)
      throw corrupt(what, `has ${file.length} bytes instead of ${part.sizeBytes}`)
    bytes += file.length
    const maxBytes = Math.min(part.objectBytes * 2 + slackBytes, maxPartBytes)
    const payload = await readPart(file, { digest: part.digest, maxBytes, what, signal: options.signal })
    objects += await applyPart(repo, transaction, payload, { ...part, maxObjectBytes: maxPartBytes }, what)
  }
  if (commit.length > maxMetadataBytes) throw corrupt(name, 'its commit is too large')
  await transaction.writeMetadata('commit', commit)
  const detached = inlineDetached(source)
  if (detached !== undefined) await transaction.writeDetached(to, detached)
  await transaction.commit()
  return { ...(from === undefined ? {} : { from }), to, objects: objects + 1, bytes }
}
