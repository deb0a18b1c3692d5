import type { Digest, ImageReference } from '@bootc-sdk/core'
import { isDigest, printImageReference } from '@bootc-sdk/core/oci'
import type { ComposefsRepo, RepoTransaction } from '../repo/api.js'
import { manifestStream } from './names.js'
import { ImageNotes } from './notes.js'
import type { DeployedImage } from './settings.js'
import { bootcTag, isBootcTag, listTags, readTag, referenceOfTag, referenceTag, setTag } from './tags.js'
import type { Tag } from './tags.js'

/** Finds images by reference and names them, in one of two styles (see `ComposefsImageStoreOptions.tagStyle`). */
export class Filing {
  readonly notes: ImageNotes
  readonly #repo: ComposefsRepo
  readonly #style: 'reference' | 'bootc'
  readonly #deployments: () => Promise<readonly DeployedImage[]>

  constructor(
    repo: ComposefsRepo,
    style: 'reference' | 'bootc',
    deployments: () => Promise<readonly DeployedImage[]>,
  ) {
    this.notes = new ImageNotes(repo.dir)
    this.#repo = repo
    this.#style = style
    this.#deployments = deployments
  }

  deployments(): Promise<readonly DeployedImage[]> {
    return this.#deployments()
  }

  /** @throws BootcError `STORE_COMPOSEFS_INVALID` when an image cannot be filed under this reference */
  check(reference: ImageReference): void {
    if (this.#style === 'reference') referenceTag(reference)
  }

  /** Name an image. @param reference undefined when it shall have none */
  async add(
    transaction: RepoTransaction,
    manifestDigest: Digest,
    reference: ImageReference | undefined,
  ): Promise<void> {
    if (this.#style === 'bootc') setTag(transaction, bootcTag(manifestDigest), manifestDigest)
    else if (reference !== undefined) setTag(transaction, referenceTag(reference), manifestDigest)
    // An image that was adopted and now has its layers needs no roots of ours any more.
    await this.removeRoots(transaction, manifestDigest)
  }

  /** To be called after the commit of what `add` did. */
  async added(manifestDigest: Digest, reference: ImageReference | undefined): Promise<void> {
    if (reference === undefined) return
    if (this.#style === 'bootc') await this.notes.setReference(reference, manifestDigest)
    else await this.notes.setReference(reference, undefined)
  }

  /** Keep an image without layers: roots that composefs-rs honours, and no tag that its fsck would follow. */
  addRoots(transaction: RepoTransaction, manifestDigest: Digest, images: Iterable<string>): void {
    transaction.setRef('streams', streamRoot(manifestDigest), manifestStream(manifestDigest))
    for (const id of images) this.addImageRoot(transaction, manifestDigest, id)
  }

  addImageRoot(transaction: RepoTransaction, manifestDigest: Digest, imageId: string): void {
    transaction.setRef('images', `${rootsDir}/${manifestDigest}/${imageId}`, imageId)
  }

  /** A tag of that name belonged to another image, and would be found first. */
  async dropTag(transaction: RepoTransaction, reference: ImageReference): Promise<void> {
    const tag = await this.#ownTag(reference, undefined)
    if (tag !== undefined) setTag(transaction, tag, undefined)
  }

  async isAdopted(manifestDigest: Digest): Promise<boolean> {
    return (await this.#repo.readRef('streams', streamRoot(manifestDigest))) !== undefined
  }

  async removeRoots(transaction: RepoTransaction, manifestDigest: Digest): Promise<void> {
    if (!(await this.isAdopted(manifestDigest))) return
    transaction.setRef('streams', streamRoot(manifestDigest), undefined)
    await this.removeImageRoots(transaction, (digest) => digest === manifestDigest)
  }

  async removeImageRoots(
    transaction: RepoTransaction,
    isGoing: (manifestDigest: string) => boolean,
  ): Promise<void> {
    for await (const { name } of this.#repo.listRefs('images', rootsDir)) {
      if (isGoing(name.split('/')[1] ?? '')) transaction.setRef('images', name, undefined)
    }
  }

  /** Manifests of images that were adopted. */
  adopted(): AsyncGenerator<AdoptedImage> {
    return listAdopted(this.#repo)
  }

  async lookup(reference: ImageReference): Promise<Digest | undefined> {
    const tagged =
      this.#style === 'reference' ? await readTag(this.#repo, printImageReference(reference)) : undefined
    const found = tagged ?? (await this.notes.manifestOf(reference))
    if (found !== undefined && (await this.isThere(found))) return found
    for (const { reference: origin, manifestDigest } of await this.#deployments()) {
      if (origin === undefined || manifestDigest === undefined || !equal(origin, reference)) continue
      if (await this.isThere(manifestDigest)) return manifestDigest
    }
    return undefined
  }

  /** What an image is filed under, when that is known. */
  async referenceOf(manifestDigest: Digest): Promise<ImageReference | undefined> {
    for await (const tag of this.tags()) {
      const reference = tag.manifestDigest === manifestDigest ? referenceOfTag(tag.name) : undefined
      if (reference !== undefined) return reference
    }
    return this.untaggedReference(manifestDigest)
  }

  /** What notes and deployments say of an image whose tag is silent. */
  async untaggedReference(manifestDigest: Digest): Promise<ImageReference | undefined> {
    const noted = (await this.notes.references()).find((note) => note.manifestDigest === manifestDigest)
    if (noted !== undefined) return noted.reference
    return (await this.#deployments()).find((image) => image.manifestDigest === manifestDigest)?.reference
  }

  /** @returns false when nothing is filed under the reference */
  async remove(reference: ImageReference): Promise<boolean> {
    const noted = await this.notes.manifestOf(reference)
    const tag = await this.#ownTag(reference, noted)
    await this.notes.setReference(reference, undefined)
    if (tag === undefined && noted === undefined) return false
    await using transaction = await this.#repo.begin()
    if (tag !== undefined) setTag(transaction, tag, undefined)
    if (noted !== undefined && !(await this.#isNeeded(noted))) await this.removeRoots(transaction, noted)
    await transaction.commit()
    return true
  }

  tags(): AsyncIterable<Tag> {
    return listTags(this.#repo)
  }

  /** May `prune` take this tag away? */
  isOwn(tag: string): boolean {
    return isBootcTag(tag) === (this.#style === 'bootc')
  }

  /** The tag that keeps an image for a deployment; undefined in the other style. */
  deploymentTag(manifestDigest: Digest): string | undefined {
    return this.#style === 'bootc' ? bootcTag(manifestDigest) : undefined
  }

  async isThere(manifestDigest: Digest): Promise<boolean> {
    return (await this.#repo.stream(manifestStream(manifestDigest))) !== undefined
  }

  /** The tag that goes with a reference. */
  async #ownTag(reference: ImageReference, noted: Digest | undefined): Promise<string | undefined> {
    if (this.#style === 'reference') {
      const tag = printImageReference(reference)
      return (await readTag(this.#repo, tag)) === undefined ? undefined : tag
    }
    if (noted === undefined || (await this.#isNeeded(noted, reference))) return undefined
    return (await readTag(this.#repo, bootcTag(noted))) === undefined ? undefined : bootcTag(noted)
  }

  /** By another reference or a deployment. */
  async #isNeeded(manifestDigest: Digest, besides?: ImageReference): Promise<boolean> {
    const notes = await this.notes.references()
    return (
      notes.some(
        (note) =>
          note.manifestDigest === manifestDigest &&
          (besides === undefined || !equal(note.reference, besides)),
      ) || (await this.#deployments()).some((image) => image.manifestDigest === manifestDigest)
    )
  }
}

/** Our corner below streams/refs and images/refs. */
const rootsDir = 'bootc-sdk'

const streamRoot = (manifestDigest: Digest): string => `${rootsDir}/${manifestDigest}`

const equal = (a: ImageReference, b: ImageReference): boolean =>
  a.transport === b.transport && a.name === b.name

export interface AdoptedImage {
  /** Of the reference that keeps it. */
  readonly name: string
  readonly manifestDigest: Digest
}

/** Images that came from another store as a whole: their layers were never here. */
export async function* listAdopted(repo: Pick<ComposefsRepo, 'listRefs'>): AsyncGenerator<AdoptedImage> {
  for await (const { name } of repo.listRefs('streams', rootsDir)) {
    const manifestDigest = name.slice(rootsDir.length + 1)
    if (isDigest(manifestDigest)) yield { name, manifestDigest }
  }
}
