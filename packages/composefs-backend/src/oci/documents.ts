import type { Digest, ImageConfig, ImageManifest } from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import { maxDocumentBytes, mediaTypes, parseConfig, parseManifest, verifyDigest } from '@bootc-sdk/core/oci'
import { badStream } from '../format/errors.js'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo } from '../repo/api.js'
import { collect } from '../repo/io.js'
import { configRef, configStream, contentTypes, isImageRef, manifestStream } from './names.js'

/** Manifest and config of something in the repository, with the streams and images they link. */
export interface StoredDocuments {
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly manifestBytes: Buffer
  /** The manifest's splitstream. */
  readonly manifestId: ObjectId
  readonly manifestRefs: ReadonlyMap<string, ObjectId>
  readonly configBytes: Buffer
  readonly configId: ObjectId
  /** Undefined for artifacts. */
  readonly config: ImageConfig | undefined
  /** Splitstreams of layers by diffId. Those that are missing were taken from another store's tree. */
  readonly layers: ReadonlyMap<string, ObjectId>
  /** Images by the names of `imageRef` and `bootImageRef`. */
  readonly images: ReadonlyMap<string, ObjectId>
}

/** True for images of containers; what else a registry holds are artifacts. */
export function isImageManifest({ config }: ImageManifest): boolean {
  return config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig
}

/**
 * Read the documents of an image or artifact.
 *
 * @returns undefined when the repository does not have the manifest
 * @throws BootcError `STORE_COMPOSEFS_*` when it is damaged or not what its name says
 */
export async function readDocuments(
  repo: ComposefsRepo,
  manifestDigest: Digest,
): Promise<StoredDocuments | undefined> {
  const name = manifestStream(manifestDigest)
  const manifestId = await repo.stream(name)
  if (manifestId === undefined) return undefined
  const { bytes: manifestBytes, refs: manifestRefs } = await readDocument(
    repo,
    manifestId,
    name,
    contentTypes.manifest,
  )
  parsed(name, () => verifyDigest(manifestBytes, manifestDigest))
  const manifest = parsed(name, () => parseManifest(manifestBytes))
  const digest = manifest.config.digest
  const configId = manifestRefs.get(configRef(digest))
  if (configId === undefined) throw badStream(name, `does not link its config ${digest}`)
  const configName = configStream(digest)
  const { bytes: configBytes, refs } = await readDocument(repo, configId, configName, contentTypes.config)
  parsed(configName, () => verifyDigest(configBytes, digest))
  const config = isImageManifest(manifest)
    ? parsed(configName, () => parseConfig(configBytes, manifest))
    : undefined
  return {
    ...{ manifestDigest, manifest, manifestBytes, manifestId, manifestRefs },
    ...{ configBytes, configId, config },
    layers: new Map((config?.rootfs.diff_ids ?? []).flatMap((id) => entryOf(refs, id))),
    images: new Map([...refs].filter(([key]) => isImageRef(key))),
  }
}

/** The same for those who can do without what is damaged: a pull mends it. */
export async function readDocumentsOrUndefined(
  repo: ComposefsRepo,
  manifestDigest: Digest,
): Promise<StoredDocuments | undefined> {
  try {
    return await readDocuments(repo, manifestDigest)
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}

/** The images that a config stream links; empty when there is no such stream or it is damaged. */
export async function readImageRefs(
  repo: ComposefsRepo,
  configDigest: Digest,
): Promise<{ readonly id: ObjectId | undefined; readonly images: ReadonlyMap<string, ObjectId> }> {
  const id = await repo.stream(configStream(configDigest))
  if (id === undefined) return { id, images: new Map() }
  try {
    const { namedRefs } = await repo.openStream(id)
    return { id, images: new Map([...namedRefs].filter(([key]) => isImageRef(key))) }
  } catch (error) {
    if (isBootcError(error)) return { id, images: new Map() }
    throw error
  }
}

/**
 * A stream of one small document, and what it links. The digest is for the caller to check.
 *
 * @param name for errors: the content id
 * @throws BootcError `STORE_COMPOSEFS_BAD_STREAM`, `STORE_COMPOSEFS_NO_OBJECT`
 */
export async function readDocument(
  repo: ComposefsRepo,
  id: ObjectId,
  name: string,
  contentType: bigint,
): Promise<{ readonly bytes: Buffer; readonly refs: ReadonlyMap<string, ObjectId> }> {
  const stream = await repo.openStream(id)
  if (stream.contentType !== contentType) throw badStream(name, 'has another type of content')
  const bytes = await collect(stream.read(), maxDocumentBytes)
  if (bytes === undefined) throw badStream(name, `has more than ${maxDocumentBytes} bytes`)
  return { bytes, refs: stream.namedRefs }
}

function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (isBootcError(error)) throw badStream(name, error.message)
    throw error
  }
}

function entryOf<K, V>(map: ReadonlyMap<K, V>, key: K): [K, V][] {
  const value = map.get(key)
  return value === undefined ? [] : [[key, value]]
}
