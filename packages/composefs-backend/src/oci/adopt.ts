import type { ImageReference, ImportOptions, ReadTree, ResolvedImage, StoredImage } from '@bootc-sdk/core'
import { treeFromReadTree } from '../tree/from-read-tree.js'
import { notStored } from './errors.js'
import { fileImage } from './file-image.js'
import { beginImport, type ImportParts } from './import-session.js'
import { RootImages } from './root-images.js'
import { readStoredImage } from './stored-image.js'

/**
 * File an image whose root another store has unpacked. There are no layers then: config and manifest link
 * none, and references of ours keep image and files, which composefs-rs honours. It gets no tag, since
 * `cfsctl oci fsck` looks for the layers of what has one.
 *
 * The id is that of the tree as the other store has it. One that does not keep times of files (OSTree) gives
 * another id than a pull of the same image.
 */
export async function adoptImage(
  parts: ImportParts,
  image: ResolvedImage,
  tree: ReadTree,
  options: ImportOptions,
): Promise<StoredImage> {
  options.signal?.throwIfAborted()
  await using session = await beginImport(parts, image, options)
  // Another image brought the layers, or this one is here already: then it is one like any other.
  if (session.layers.every(({ present }) => present)) return (await session.commit()).image
  const reference = options.unnamed === true ? undefined : (options.target ?? image.reference)
  await adoptTree(parts, image, tree, reference, options)
  const { repo, filing } = parts
  const { manifestDigest } = image
  if (reference !== undefined) await filing.notes.setReference(reference, manifestDigest)
  const stored = await readStoredImage(repo, manifestDigest, filing, reference)
  if (stored === undefined) throw notStored(manifestDigest)
  return stored
}

async function adoptTree(
  { repo, filing, settings }: ImportParts,
  image: ResolvedImage,
  tree: ReadTree,
  reference: ImageReference | undefined,
  { signal }: ImportOptions,
): Promise<void> {
  const { manifestDigest, manifest, manifestBytes, configBytes } = image
  await using transaction = await repo.begin({ signal })
  const source = await treeFromReadTree(tree, (file) => transaction.putFile(file), { signal })
  // The boot transform reads files of the policy.
  await transaction.flush()
  const root = new RootImages(repo, transaction, new Map(), () => Promise.resolve(source))
  const images = await root.make(settings, { signal })
  signal?.throwIfAborted()
  const { diff_ids: diffIds } = image.config.rootfs
  const parts = { manifestDigest, manifest, manifestBytes, configBytes, diffIds, images }
  await fileImage(repo, transaction, { ...parts, layers: new Map() })
  filing.addRoots(transaction, manifestDigest, images.values())
  if (reference !== undefined) await filing.dropTag(transaction, reference)
  await transaction.commit()
}
