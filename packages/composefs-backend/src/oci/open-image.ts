import type { ReadTree, StoredImage } from '@bootc-sdk/core'
import { maxImageBytes } from '../format/erofs/max-image.js'
import { writeErofs } from '../format/erofs/write.js'
import type { ComposefsRepo } from '../repo/api.js'
import { treeFromLayers } from '../tree/from-layers.js'
import { ociTransform } from '../tree/oci-transform.js'
import { checkedTree } from './checked-tree.js'
import { isWhole } from './root-images.js'

/** The root of an image, from its EROFS image, or from its layers where old tools have made none. */
export async function openImage(repo: ComposefsRepo, image: StoredImage): Promise<ReadTree> {
  const { algorithm, erofsVersion: version } = repo.meta
  const bytes =
    image.id !== '' && (await isWhole(repo, image.id))
      ? await repo.readObject(image.id, maxImageBytes)
      : writeErofs(ociTransform(await treeFromLayers(repo, image.config.rootfs.diff_ids)), {
          version,
          algorithm,
        })
  return checkedTree(repo, bytes)
}
