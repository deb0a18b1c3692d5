import type { Codec } from '../codec/index.js'
import type { ResolvedImage, ImageTransport } from '../interfaces/transport.js'
import type { Descriptor } from '../oci/types.js'
import { isEncapsulated } from './documents.js'
import { listTree, type DirectoryNode, type NodeMeta, type TreeList } from './nodes.js'
import { OstreeDirectories } from './ostree-directories.js'
import { readLayer } from './read-layers.js'
import { Spool } from './spool.js'
import { TreeIndex } from './tree-index.js'

export interface ReadImageOptions {
  readonly transport: ImageTransport
  readonly image: ResolvedImage
  readonly codec: Codec
  readonly temporaryDir: string
  readonly newestMtime?: number | undefined
  readonly withDigests: boolean
  readonly signal?: AbortSignal | undefined
  readonly onBytes?: (descriptor: Descriptor, bytes: number) => void
}

/** The flattened file system of an image; content lies in the spool. */
export interface ReadImage {
  readonly root: DirectoryNode
  readonly tree: TreeList
  readonly ostree: OstreeDirectories
  readonly spool: Spool
}

/**
 * Read all layers once: headers into an index, content into a file that the caller closes.
 *
 * @throws BootcError what transports and decoders throw, `IMAGE_TAR_*`
 */
export async function readImage(options: ReadImageOptions): Promise<ReadImage> {
  const { image, signal } = options
  const index = new TreeIndex({ newestMtime: options.newestMtime })
  const ostree = new OstreeDirectories()
  const spool = await Spool.create(options.temporaryDir)
  try {
    for (const [i, layer] of image.manifest.layers.entries()) {
      signal?.throwIfAborted()
      index.startLayer()
      ostree.startLayer()
      const base = spool.sizeBytes
      await readLayer(
        options,
        layer,
        image.config.rootfs.diff_ids[i]!,
        (entry) => {
          const node = index.add(entry, base)
          const meta: NodeMeta | undefined = entry.type === 'directory' ? index.metaOf(entry) : undefined
          ostree.add(entry, meta)
          return node
        },
        (chunk) => spool.append(chunk),
      )
      ostree.endLayer()
    }
  } catch (error) {
    await spool[Symbol.asyncDispose]()
    throw error
  }
  if (isEncapsulated(image.config)) dropObjects(index.root)
  return { root: index.root, tree: listTree(index.root), ostree, spool }
}

/** The objects of an OSTree repository: names in the tree are links to them, and stay. */
function dropObjects(root: DirectoryNode): void {
  const sysroot = root.children.get('sysroot')?.node
  if (sysroot?.kind === 'directory') sysroot.children.delete('ostree')
}
