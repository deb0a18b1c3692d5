import { BootcError, type DeploymentId, type ReadTree } from '@bootc-sdk/core'
import { maxImageBytes } from '../format/erofs/max-image.js'
import { checkedTree } from '../oci/checked-tree.js'
import type { ComposefsRepo } from '../repo/api.js'

/** Images kept open; each takes about as much memory as it is long. */
const maxOpen = 4

/** Root file systems of deployments, read from their images. */
export class ImageRoots {
  readonly #repo: ComposefsRepo
  readonly #open = new Map<DeploymentId, Promise<ReadTree>>()

  constructor(repo: ComposefsRepo) {
    this.#repo = repo
  }

  /**
   * The root of a deployment. Its digest is checked; where the repository demands fs-verity, that too.
   *
   * @throws BootcError `STORE_COMPOSEFS_NO_IMAGE`, `STORE_COMPOSEFS_CORRUPT`, `STORE_COMPOSEFS_VERITY`
   */
  async of(id: DeploymentId): Promise<ReadTree> {
    // Also when it is open: what was removed meanwhile must not seem to be there.
    if (!(await this.#repo.hasImage(id))) {
      this.#open.delete(id)
      throw new BootcError('STORE_COMPOSEFS_NO_IMAGE', `image ${id} is not in the repository`, {
        details: { image: id },
      })
    }
    const known = this.#open.get(id)
    if (known !== undefined) return known
    if (this.#open.size >= maxOpen) this.#open.delete(this.#open.keys().next().value!)
    const opened = this.#read(id)
    this.#open.set(id, opened)
    opened.catch(() => this.#open.delete(id))
    return opened
  }

  async #read(id: DeploymentId): Promise<ReadTree> {
    const repo = this.#repo
    return checkedTree(repo, await repo.readObject(id, maxImageBytes))
  }
}
