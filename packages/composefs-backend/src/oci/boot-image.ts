import type { Digest, OpOptions } from '@bootc-sdk/core'
import { maxImageBytes } from '../format/erofs/max-image.js'
import { readErofs } from '../format/erofs/read.js'
import type { ErofsVersion, ObjectId } from '../format/types.js'
import type { ComposefsRepo, RepoTransaction } from '../repo/api.js'
import { treeFromLayers } from '../tree/from-layers.js'
import { imageIdOf } from '../tree/image-id.js'
import type { FileTree } from '../tree/inode.js'
import { xattrModes, type XattrMode } from '../tree/oci-transform.js'
import { readDocuments, type StoredDocuments } from './documents.js'
import { notStored } from './errors.js'
import { fileImage } from './file-image.js'
import type { Filing } from './filing.js'
import { bootImageRef, imageRef } from './names.js'
import { isWhole, RootImages } from './root-images.js'

/** Versions that tools have sealed images with, newest first. */
const sealedVersions: readonly ErofsVersion[] = [1, 2]

export interface StoreParts {
  readonly repo: ComposefsRepo
  readonly filing: Filing
}

/** The image that boots, made unless it is there. */
export async function makeBootImage(
  parts: StoreParts,
  manifestDigest: Digest,
  xattrs: XattrMode,
  options: OpOptions,
): Promise<ObjectId> {
  const { repo } = parts
  const documents = await documentsOf(repo, manifestDigest)
  const name = bootImageRef(repo.meta.erofsVersion, xattrs)
  const known = documents.images.get(name)
  if (known !== undefined && (await isWhole(repo, known))) return known
  return extend(parts, documents, options, async (root) => {
    const images = await root.make({ bootable: true, xattrs }, options)
    return images.get(name)!
  })
}

/** The bootable image with this digest, whatever way it was made. */
export async function findBootImage(
  parts: StoreParts,
  manifestDigest: Digest,
  expected: ObjectId,
  options: OpOptions,
): Promise<ObjectId | undefined> {
  const { repo } = parts
  const documents = await documentsOf(repo, manifestDigest)
  const isKnown = [...documents.images.values()].includes(expected)
  if (isKnown && (await isWhole(repo, expected))) return expected
  return extend(parts, documents, options, async (root) => {
    for (const xattrs of xattrModes) {
      const tree = await root.boot(xattrs)
      for (const version of sealedVersions) {
        options.signal?.throwIfAborted()
        if (imageIdOf(tree, repo.meta.algorithm, version) !== expected) continue
        return root.record(bootImageRef(version, xattrs), version, tree)
      }
    }
    return undefined
  })
}

/**
 * An image of a version that the repository does not make by itself. V0 and V1 share their name in config
 * streams, so the one that has no place there is kept by a reference below images/refs.
 */
export async function imageOfVersion(
  parts: StoreParts,
  manifestDigest: Digest,
  wanted: { readonly version: ErofsVersion; readonly xattrs: XattrMode; readonly bootable: boolean },
  options: OpOptions,
): Promise<ObjectId> {
  const { repo, filing } = parts
  const { version, xattrs, bootable } = wanted
  const documents = await documentsOf(repo, manifestDigest)
  const name = bootable ? bootImageRef(version, xattrs) : imageRef(version)
  const isTaken = imageRef(version) === imageRef(repo.meta.erofsVersion) && version !== repo.meta.erofsVersion
  const known = isTaken ? undefined : documents.images.get(name)
  if (known !== undefined && (await isWhole(repo, known))) return known
  return extend(parts, documents, options, async (root, transaction) => {
    const tree = bootable ? await root.boot(xattrs) : await root.plain()
    if (!isTaken) return root.record(name, version, tree)
    const id = await transaction.putImage(tree, version)
    filing.addImageRoot(transaction, manifestDigest, id)
    return id
  })
}

/** One transaction around new images; nothing is written when `work` finds none. */
async function extend<Id extends ObjectId | undefined>(
  { repo, filing }: StoreParts,
  documents: StoredDocuments,
  options: OpOptions,
  work: (root: RootImages, transaction: RepoTransaction) => Promise<Id>,
): Promise<Id> {
  const { manifestDigest, manifest, manifestBytes, configBytes, layers } = documents
  await using transaction = await repo.begin(options)
  const root = new RootImages(repo, transaction, documents.images, () => rootOf(repo, documents, options))
  const id = await work(root, transaction)
  if (id === undefined) return id
  options.signal?.throwIfAborted()
  if (root.changed) {
    const { images } = root
    const diffIds = documents.config!.rootfs.diff_ids
    const parts = { manifestDigest, manifest, manifestBytes, configBytes, diffIds, layers, images }
    await fileImage(repo, transaction, parts)
    if (await filing.isAdopted(manifestDigest)) filing.addRoots(transaction, manifestDigest, images.values())
  }
  await transaction.commit()
  return id
}

/** From the layers, or from the plain image where another store had no layers to give. */
async function rootOf(
  repo: ComposefsRepo,
  documents: StoredDocuments,
  options: OpOptions,
): Promise<FileTree> {
  const diffIds = documents.config!.rootfs.diff_ids
  const plain = documents.images.get(imageRef(repo.meta.erofsVersion))
  if (diffIds.every((id) => documents.layers.has(id)) || plain === undefined) {
    return treeFromLayers(repo, diffIds, { ...options, streams: documents.layers })
  }
  return readErofs(await repo.readObject(plain, maxImageBytes)).tree()
}

/** @throws BootcError `IMAGE_NOT_STORED` for artifacts, too */
async function documentsOf(repo: ComposefsRepo, manifestDigest: Digest): Promise<StoredDocuments> {
  const documents = await readDocuments(repo, manifestDigest)
  if (documents?.config === undefined) throw notStored(manifestDigest)
  return documents
}
