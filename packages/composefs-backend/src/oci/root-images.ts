import type { OpOptions } from '@bootc-sdk/core'
import type { ErofsVersion, ObjectId } from '../format/types.js'
import type { ComposefsRepo, RepoTransaction } from '../repo/api.js'
import { bootTransform } from '../tree/boot-transform.js'
import type { FileTree } from '../tree/inode.js'
import { ociTransform, type XattrMode } from '../tree/oci-transform.js'
import { repoFileReader, type ReadFile } from '../tree/read-file.js'
import { canBoot } from './can-boot.js'
import { bootImageRef, imageRef } from './names.js'
import { isSameTree } from './same-tree.js'
import type { ImageStoreSettings } from './settings.js'

/**
 * The EROFS images of one root file system. Those that the config stream links already are not made again;
 * the tree is built when the first one is really made, and once.
 */
export class RootImages {
  readonly #repo: ComposefsRepo
  readonly #transaction: RepoTransaction
  readonly #images: Map<string, ObjectId>
  readonly #source: () => Promise<FileTree>
  readonly #readFile: ReadFile
  readonly #trees = new Map<string, Promise<FileTree>>()
  #changed = false

  /**
   * @param known images by the names of `imageRef` and `bootImageRef`
   * @param source the root as layers have it; objects of its files can be read
   */
  constructor(
    repo: ComposefsRepo,
    transaction: RepoTransaction,
    known: ReadonlyMap<string, ObjectId>,
    source: () => Promise<FileTree>,
  ) {
    this.#repo = repo
    this.#transaction = transaction
    this.#images = new Map(known)
    this.#source = source
    this.#readFile = repoFileReader(repo)
  }

  /**
   * Images as the repository's metadata and `settings` ask for.
   *
   * @returns all that are there now by their names; those that were known stay
   */
  async make(
    { bootable, xattrs }: ImageStoreSettings,
    options: OpOptions = {},
  ): Promise<ReadonlyMap<string, ObjectId>> {
    for (const version of this.#versions()) {
      await this.#once(imageRef(version), version, () => this.plain())
      options.signal?.throwIfAborted()
    }
    // A tree of a large image takes tens of megabytes.
    if (xattrs === 'allowlist-only') this.#trees.delete('layers')
    if (bootable === false || !(await this.#shallBoot(bootable, xattrs))) return this.#images
    for (const version of this.#versions()) {
      await this.#onceBoot(version, xattrs)
      options.signal?.throwIfAborted()
    }
    return this.#images
  }

  /** One more image, recorded under a name of `bootImageRef` or `imageRef`. */
  async record(name: string, version: ErofsVersion, tree: FileTree): Promise<ObjectId> {
    const id = await this.#transaction.putImage(tree, version)
    this.#images.set(name, id)
    this.#changed = true
    return id
  }

  /** Were images made? */
  get changed(): boolean {
    return this.#changed
  }

  get images(): ReadonlyMap<string, ObjectId> {
    return this.#images
  }

  /** The root as it is identified. */
  plain(): Promise<FileTree> {
    return this.#tree('plain', async () => ociTransform(await this.#layers()))
  }

  /** The root as it boots. */
  boot(xattrs: XattrMode): Promise<FileTree> {
    return this.#tree(`boot ${xattrs}`, async () => {
      const tree =
        xattrs === 'allowlist-only' ? await this.plain() : ociTransform(await this.#layers(), { xattrs })
      return bootTransform(tree, this.#readFile)
    })
  }

  #layers(): Promise<FileTree> {
    return this.#tree('layers', this.#source)
  }

  /** V0 and V1 have one name in config streams: a repository that makes both keeps the first. */
  #versions(): ErofsVersion[] {
    const { erofsVersion, extraErofsVersions } = this.#repo.meta
    const names = new Set<string>()
    return [erofsVersion, ...extraErofsVersions].filter(
      (version) => names.size < names.add(imageRef(version)).size,
    )
  }

  async #once(name: string, version: ErofsVersion, tree: () => Promise<FileTree>): Promise<void> {
    const known = this.#images.get(name)
    if (known !== undefined && (await isWhole(this.#repo, known))) return
    await this.record(name, version, await tree())
  }

  async #onceBoot(version: ErofsVersion, xattrs: XattrMode): Promise<void> {
    const name = bootImageRef(version, xattrs)
    const known = this.#images.get(name)
    if (known !== undefined && (await isWhole(this.#repo, known))) return
    const plain = this.#images.get(imageRef(version))
    const isPlain = plain !== undefined && (await this.#bootsUnchanged(xattrs))
    const tree = await this.boot(xattrs)
    this.#trees.delete('plain')
    if (!isPlain) {
      await this.record(name, version, tree)
      return
    }
    this.#images.set(name, plain)
    this.#changed = true
  }

  /** Without a policy, and with the kernel outside /boot, there is nothing to be transformed. */
  async #bootsUnchanged(xattrs: XattrMode): Promise<boolean> {
    const plain = await this.#trees.get('plain')
    return plain !== undefined && isSameTree(plain, await this.boot(xattrs))
  }

  async #shallBoot(bootable: true | 'auto', xattrs: XattrMode): Promise<boolean> {
    if (bootable === true) return true
    const known = this.#images.get(bootImageRef(this.#repo.meta.erofsVersion, xattrs))
    return known !== undefined || canBoot(await this.plain(), this.#readFile)
  }

  #tree(name: string, make: () => Promise<FileTree>): Promise<FileTree> {
    let tree = this.#trees.get(name)
    if (tree === undefined) this.#trees.set(name, (tree = make()))
    return tree
  }
}

/** Listed in images/, and its object is there. */
export async function isWhole(repo: ComposefsRepo, image: ObjectId): Promise<boolean> {
  return (await repo.hasImage(image)) && (await repo.hasObject(image))
}
