import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import type { StorageName } from './name.js'
import { invalid, type ImageStoreFiles, type StorageImage, type StorageLayer } from './store.js'

export interface FoundImage {
  readonly store: ImageStoreFiles
  readonly image: StorageImage
  /** Key of its manifest among its documents. */
  readonly manifestKey: string
}

/**
 * The image that a name means, in the first store that has it.
 *
 * @throws BootcError `TRANSPORT_NOT_FOUND`, `IMAGE_REFERENCE_AMBIGUOUS`
 */
export function findImage(
  stores: readonly ImageStoreFiles[],
  name: StorageName,
  reference: string,
): FoundImage {
  for (const store of stores) {
    const matches = store.images.filter((image) => matchesName(image, name))
    if (matches.length > 1) {
      throw new BootcError('IMAGE_REFERENCE_AMBIGUOUS', `${reference} means ${matches.length} images`, {
        details: { reference, names: matches.map(({ id }) => id) },
      })
    }
    const [image] = matches
    if (image !== undefined) return { store, image, manifestKey: manifestKey(image, name) }
  }
  throw new BootcError('TRANSPORT_NOT_FOUND', `${reference} not found`, {
    details: { reference, stores: stores.map(({ root }) => root) },
  })
}

function matchesName(image: StorageImage, { name, digest, id }: StorageName): boolean {
  if (id !== undefined && !image.id.startsWith(id)) return false
  if (digest !== undefined) {
    // The name may have moved on to another image; repository and digest together still mean this one.
    const repository = name!.replace(/:[^/:]*$/, '')
    const hasName = image.names.some((each) => each === name || repositoryOf(each) === repository)
    return hasName && manifestKeys(image).some((key) => image.digests.get(key) === digest)
  }
  return name === undefined || image.names.includes(name)
}

function repositoryOf(name: string): string {
  return name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
}

function manifestKeys(image: StorageImage): string[] {
  return [...image.digests.keys()].filter((key) => key === 'manifest' || key.startsWith('manifest-'))
}

function manifestKey(image: StorageImage, { digest }: StorageName): string {
  if (digest === undefined) return 'manifest'
  return manifestKeys(image).find((key) => image.digests.get(key) === digest) ?? 'manifest'
}

/**
 * A document of an image. Keys with characters that file names should not have are spelled as `=` and base64.
 *
 * @throws BootcError `IMAGE_LAYOUT_INVALID`
 */
export function readBigData({ store, image }: FoundImage, key: string, maxBytes: number): Uint8Array {
  const fileName = /^[0-9a-z.]+$/.test(key)
    ? key
    : `=${Buffer.from(key).toString('base64').replaceAll('/', '_')}`
  const path = join(store.root, `${store.driver}-images`, image.id, fileName)
  try {
    const { size } = statSync(path)
    if (size > maxBytes) throw invalid(path, `has ${size} bytes, more than ${maxBytes}`)
    return readFileSync(path)
  } catch (cause) {
    if (cause instanceof BootcError) throw cause
    throw invalid(path, `(${key} of image ${image.id}) cannot be read`, cause)
  }
}

/** Layers from the lowest up. @throws BootcError `IMAGE_LAYOUT_INVALID` */
export function layersOf({ store, image }: FoundImage, stores: readonly ImageStoreFiles[]) {
  const found: { store: ImageStoreFiles; layer: StorageLayer }[] = []
  const seen = new Set<string>()
  for (let id = image.layer; id !== undefined;) {
    const wanted: string = id
    // Images of an additional store may stand on layers of another.
    const owner = [store, ...stores].find(({ layers }) => layers.has(wanted))
    if (owner === undefined || seen.has(wanted)) throw invalid(store.root, `has no proper layer ${wanted}`)
    seen.add(wanted)
    const layer = owner.layers.get(wanted)!
    found.unshift({ store: owner, layer })
    id = layer.parent
  }
  return found
}
