import type { FileTree, Inode } from '../../tree/inode.js'
import type { Flavor } from '../dump/limits.js'
import { invalidTree } from '../errors.js'
import type { ErofsVersion, VerityAlgorithm } from '../types.js'
import { collect, survey } from './collect.js'
import { collectV2 } from './collect-v2.js'
import { BLOCK_SIZE, SLOT_SIZE } from './constants.js'
import { emit, numberBlocks, type ImagePlan } from './emit.js'
import { earliest, place, type Placement } from './place.js'
import { placeV2 } from './place-v2.js'
import { References } from './references.js'
import { compareAscending, compareByPrefix, XattrTable, type XattrPair } from './xattr-table.js'

/** How large the pieces of a streamed image are, in bytes. */
const CHUNK_BYTES = 1024 * 1024

export interface WriteErofsOptions {
  /**
   * A version, or as `mkcomposefs --min-version --max-version` (0 and 1 by default there): the least, or 1
   * when the tree has whiteouts and the range allows it. composefs-rs takes the least.
   */
  readonly version: ErofsVersion | { readonly min: 0 | 1; readonly max: 0 | 1 }
  /** Of the digests in the tree. */
  readonly algorithm: VerityAlgorithm
  /**
   * Whose image it is to be where the two differ: mkcomposefs (default), or composefs-rs, which digests of
   * images in repositories come from. Version 2 is always that of composefs-rs.
   */
  readonly flavor?: Flavor
}

export interface PlannedErofs {
  readonly sizeBytes: number
  readonly version: ErofsVersion
  /** Number of inodes, those included that hide the directories of the store. */
  readonly inodes: number
  /** The bytes, in pieces that belong to the reader. Can be asked for again. */
  chunks(): Iterable<Uint8Array>
}

/**
 * The image of a tree, byte for byte what mkcomposefs or composefs-rs writes for it. The tree stays as it is.
 *
 * @throws BootcError `STORE_COMPOSEFS_INVALID` when no image can hold the tree
 */
export function writeErofs(tree: FileTree, options: WriteErofsOptions): Uint8Array {
  const plan = planImage(tree, options)
  const chunks = [...emit(plan, plan.placement.endBlock * BLOCK_SIZE)]
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)
}

/** The same without holding the image: everything is decided, then the bytes are made as they are read. */
export function planErofs(tree: FileTree, options: WriteErofsOptions): PlannedErofs {
  const plan = planImage(tree, options)
  return {
    sizeBytes: plan.placement.endBlock * BLOCK_SIZE,
    version: plan.version,
    inodes: plan.list.length,
    chunks: () => emit(plan, CHUNK_BYTES),
  }
}

/** What decides over every byte of an image. */
export function planImage(tree: FileTree, options: WriteErofsOptions): ImagePlan {
  const legacy = options.version === 2
  const flavor = legacy ? 'rs' : (options.flavor ?? 'c')
  const epoch = legacy ? 2 : 1
  const table = new XattrTable(epoch, flavor)
  const references = new References(options.algorithm, flavor, epoch)
  const found = legacy ? undefined : survey(tree, flavor)
  const version =
    found === undefined ? 2 : versionOf(options.version as 0 | 1, found.hasWhiteouts && flavor === 'c')
  const list =
    found === undefined
      ? collectV2(tree, table, references)
      : collect(found, version as 0 | 1, flavor, table, references)

  for (const set of list.sets) set.uses++
  table.count()
  references.share(list, table)
  const shared = share(table)
  for (let ino = 0; ino < list.length; ino++) {
    if (list.kinds[ino] !== 0) list.kinds[ino] = references.kindOf(list.inodes[ino] as Inode)
  }
  const base = earliest(list, flavor)
  const placement = version === 2 ? placeV2(list, table, references) : place(list, table, references, base)
  numberBlocks(
    placement,
    shared.reduce((bytes, pair) => bytes + pair.size, 0),
  )
  checkSize(placement)
  return { version, table, list, references, placement, shared, base }
}

function versionOf(wanted: 0 | 1 | { min: 0 | 1; max: 0 | 1 }, bump: boolean): 0 | 1 {
  if (typeof wanted === 'number') return wanted
  return wanted.min === 1 || (bump && wanted.max === 1) ? 1 : 0
}

/** Pairs that more than one inode has, in the order of the table, each with its place in it. */
function share(table: XattrTable): XattrPair[] {
  const pairs = [...table.pairs()].filter((pair) => pair.uses > 1)
  if (table.epoch === 2) pairs.sort(compareByPrefix)
  else pairs.sort((a, b) => compareAscending(b, a))
  let offset = 0
  for (const pair of pairs) {
    pair.sharedOffset = offset
    offset += pair.size
  }
  return pairs
}

/** Numbers of inodes and blocks have 32 bits in our arrays and in the image. */
function checkSize(placement: Placement): void {
  if (placement.inodesEnd / SLOT_SIZE > 0xffffffff || placement.endBlock > 0xffffffff) {
    throw invalidTree('tree', 'the image would be too large')
  }
}
