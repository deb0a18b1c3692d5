import type { Digest, ImageReference } from '@bootc-sdk/core'
import { parseImageReference, printImageReference } from '@bootc-sdk/core/oci'
import { invalidTree } from '../format/errors.js'
import type { ComposefsRepo, RepoTransaction } from '../repo/api.js'
import { tagOf, tagPrefix, tagRef } from '../repo/tags.js'
import { manifestOfStream, manifestStream } from './names.js'

/** Prefix of tags that bootc gives to images of deployments; the manifest digest follows. */
const bootcPrefix = 'localhost/bootc-'

export interface Tag {
  readonly name: string
  /** Undefined when the reference does not lead to a manifest. */
  readonly manifestDigest: Digest | undefined
}

/** Longest file name of Linux, which a tag becomes. */
const maxNameBytes = 255

/**
 * Tag of an image as `cfsctl oci pull` files it: the reference as given.
 *
 * @throws BootcError `STORE_COMPOSEFS_INVALID` when it is too long for a file name
 */
export function referenceTag(reference: ImageReference): string {
  const tag = printImageReference(reference)
  if (!fits(tag)) throw invalidTree('tag', `${JSON.stringify(tag.slice(0, 100))}… is too long for one`)
  return tag
}

/** Tag of an image as bootc files it. */
export const bootcTag = (manifestDigest: Digest): string => `${bootcPrefix}${manifestDigest}`

export const isBootcTag = (name: string): boolean => name.startsWith(bootcPrefix)

/** What a tag says about where the image came from; names that a user chose say nothing. */
export function referenceOfTag(name: string): ImageReference | undefined {
  try {
    const reference = parseImageReference(name)
    return printImageReference(reference) === name ? reference : undefined
  } catch {
    return undefined
  }
}

export async function readTag(repo: ComposefsRepo, name: string): Promise<Digest | undefined> {
  if (!fits(name)) return undefined
  const target = await repo.readRef('streams', tagRef(name))
  return target === undefined ? undefined : manifestOfStream(target)
}

export async function* listTags(repo: ComposefsRepo): AsyncGenerator<Tag> {
  for await (const { name, target } of repo.listRefs('streams', tagPrefix)) {
    const tag = tagOf(name)
    if (tag !== undefined) yield { name: tag, manifestDigest: manifestOfStream(target) }
  }
}

/** @param manifestDigest undefined removes the tag */
export function setTag(transaction: RepoTransaction, name: string, manifestDigest: Digest | undefined): void {
  const target = manifestDigest === undefined ? undefined : manifestStream(manifestDigest)
  transaction.setRef('streams', tagRef(name), target)
}

const fits = (tag: string): boolean => Buffer.byteLength(tagRef(tag)) <= tagPrefix.length + 1 + maxNameBytes
