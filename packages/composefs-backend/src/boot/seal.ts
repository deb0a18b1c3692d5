import { BootcError } from '@bootc-sdk/core'
import type { ErofsVersion, ObjectId, VerityAlgorithm } from '../format/types.js'
import { bootTransform } from '../tree/boot-transform.js'
import { imageIdOf } from '../tree/image-id.js'
import type { FileTree } from '../tree/inode.js'
import { ociTransform, xattrModes } from '../tree/oci-transform.js'
import type { XattrMode } from '../tree/oci-transform.js'
import type { ReadFile } from '../tree/read-file.js'
import type { OpenFile } from './byte-source.js'
import { findBootEntries } from './entries.js'
import { algorithmOf, parseComposefsKarg } from './karg.js'
import { explainMismatch } from './seal-diff.js'
import { openUki } from './uki.js'

/** Label of an image's config that names the digest of its root. */
export const sealLabel = 'containers.composefs.fsverity'

/** A digest that the maker of an image put into it. */
export interface Seal {
  readonly source: 'label' | 'uki'
  /** Of the UKI, in the image. */
  readonly path?: string
  readonly id: ObjectId
  /** The kernel image allows objects without fs-verity. */
  readonly optional: boolean
}

/** A seal, and the way to build the image that it names. */
export interface SealMatch extends Seal {
  /** After the boot transform; labels may name the plain image. */
  readonly bootable: boolean
  readonly xattrs: XattrMode
  readonly version: ErofsVersion
}

export interface SealCheck {
  /** Of all layers, before any transform. */
  readonly tree: FileTree
  readonly algorithm: VerityAlgorithm
  /** Of the image's config. */
  readonly labels?: Readonly<Record<string, string>>
  readonly readFile: ReadFile
  readonly openFile: OpenFile
  /** What images are made as, and tried first. Default 1. */
  readonly version?: ErofsVersion
  /** Lines of a difference that go into the error. Default 50. */
  readonly maxDiffLines?: number
}

/** The seals of an image, kernel images first. @throws BootcError `BOOT_UKI_INVALID`, `STORE_COMPOSEFS_*` */
export async function findSeals(check: Omit<SealCheck, 'version' | 'maxDiffLines'>): Promise<Seal[]> {
  const seals: Seal[] = []
  for (const entry of await findBootEntries(check.tree, check.readFile)) {
    if (entry.kind !== 'uki') continue
    const cmdline = await (await openUki(check.openFile(entry.file.inode))).cmdline()
    const karg = cmdline === undefined ? undefined : parseComposefsKarg(cmdline, check.algorithm)
    const other = cmdline === undefined || karg !== undefined ? undefined : parseComposefsKarg(cmdline)
    const { id, optional, algorithm } = karg ?? other ?? {}
    if (id === undefined || optional === undefined) continue
    if (algorithm !== check.algorithm) throw otherAlgorithm(entry.file.path, check.algorithm, id)
    seals.push({ source: 'uki', path: entry.file.path, id, optional })
  }
  const label = check.labels?.[sealLabel]
  if (label !== undefined) {
    const algorithm = algorithmOf(label)
    if (algorithm !== undefined && algorithm !== check.algorithm) {
      throw otherAlgorithm(`label ${sealLabel}`, check.algorithm, label)
    }
    seals.push({ source: 'label', id: label, optional: false })
  }
  return seals
}

/**
 * Check every seal of an image against the images that can be made of it: each attribute mode with versions 1
 * and 2, for older tools made them otherwise.
 *
 * @returns how to build what each seal names; none for an image without seals
 * @throws BootcError `STORE_COMPOSEFS_SEAL_MISMATCH` with the digest that is sealed as `expected` and ours as
 *   `actual`; `diff` when the image ships a dump of its root. `STORE_COMPOSEFS_ALGORITHM` for a seal of another
 *   hash than the repository's, which cannot be checked
 * @see bootc 1.16 crates/lib/src/bootc_composefs/boot.rs; composefs-rs 0.7.0 crates/composefs-oci/src/boot.rs
 */
export async function checkSeal(check: SealCheck): Promise<SealMatch[]> {
  const images = new Images(check)
  const matches: SealMatch[] = []
  for (const seal of await findSeals(check)) {
    const match = await images.search(seal)
    if (match === undefined) throw await mismatch(seal, check, images)
    matches.push(match)
  }
  return matches
}

/** Images of one tree, each made once and only when it is asked for. */
class Images {
  readonly #check: SealCheck
  readonly #trees = new Map<string, FileTree>()
  readonly #ids = new Map<string, ObjectId>()

  constructor(check: SealCheck) {
    this.#check = check
  }

  async search(seal: Seal): Promise<SealMatch | undefined> {
    const first = this.#check.version ?? 1
    const versions = [first, ...([1, 2] as const).filter((version) => version !== first)]
    for (const bootable of seal.source === 'uki' ? [true] : [true, false]) {
      for (const xattrs of xattrModes) {
        for (const version of versions) {
          const id = await this.id(bootable, xattrs, version)
          if (id === seal.id) return { ...seal, bootable, xattrs, version }
        }
      }
    }
    return undefined
  }

  async id(bootable: boolean, xattrs: XattrMode, version: ErofsVersion): Promise<ObjectId | undefined> {
    const tree = await this.tree(bootable, xattrs)
    if (tree === undefined) return undefined
    const key = `${bootable} ${xattrs} ${version}`
    let id = this.#ids.get(key)
    if (id === undefined) this.#ids.set(key, (id = imageIdOf(tree, this.#check.algorithm, version)))
    return id
  }

  /** Undefined when the image cannot be made bootable, as those that a label alone seals. */
  async tree(bootable: boolean, xattrs: XattrMode): Promise<FileTree | undefined> {
    const key = `${bootable} ${xattrs}`
    let tree = this.#trees.get(key)
    if (tree === undefined) {
      const { root } = this.#check.tree
      if (bootable && !(root.children!.has('boot') && root.children!.has('sysroot'))) return undefined
      tree = bootable
        ? await bootTransform((await this.tree(false, xattrs))!, this.#check.readFile)
        : ociTransform(this.#check.tree, { xattrs })
      this.#trees.set(key, tree)
    }
    return tree
  }
}

async function mismatch(seal: Seal, check: SealCheck, images: Images): Promise<BootcError> {
  const bootable = (await images.tree(true, 'allowlist-only')) !== undefined
  const ours = (await images.tree(bootable, 'allowlist-only'))!
  const actual = (await images.id(bootable, 'allowlist-only', check.version ?? 1))!
  const diff = await explainMismatch(seal, check, ours)
  const what = seal.source === 'uki' ? `the kernel image /${seal.path}` : `the label ${sealLabel}`
  return new BootcError(
    'STORE_COMPOSEFS_SEAL_MISMATCH',
    `${what} is sealed for ${seal.id.slice(0, 200)}, the image's root is ${actual}`,
    { details: { expected: seal.id, actual, ...(diff === undefined ? {} : { diff }) } },
  )
}

function otherAlgorithm(what: string, repository: VerityAlgorithm, id: string): BootcError {
  const wanted = algorithmOf(id) ?? 'unknown'
  return new BootcError(
    'STORE_COMPOSEFS_ALGORITHM',
    `${what} is sealed with ${wanted}, the repository has ${repository}`,
    { details: { repository, wanted } },
  )
}
