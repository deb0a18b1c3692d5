import type { Digest, ImageManifest } from '@bootc-sdk/core'
import { isBootcError } from '@bootc-sdk/core'
import { isDockerManifest } from '@bootc-sdk/core/oci'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo, RepoTransaction } from '../repo/api.js'
import { readDocumentsOrUndefined } from './documents.js'
import {
  bootImageRef,
  configRef,
  configStream,
  contentTypes,
  imageRef,
  manifestOfStream,
  manifestStream,
} from './names.js'

/** What the streams of an image are made of. */
export interface ImageParts {
  readonly manifestDigest: Digest
  readonly manifest: ImageManifest
  readonly manifestBytes: Uint8Array
  readonly configBytes: Uint8Array
  /** DiffIds in the order of the config. */
  readonly diffIds: readonly Digest[]
  /** Splitstreams of layers by diffId; those of adopted images are missing. */
  readonly layers: ReadonlyMap<string, ObjectId>
  /** Images by the names of `imageRef` and `bootImageRef`. */
  readonly images: ReadonlyMap<string, ObjectId>
}

/**
 * Write the streams of config and manifest, with their links. What is there under their names is replaced,
 * unless it says the same, and other manifests with the same config are made to link the new one: only a
 * config stream that has its name keeps alive what it links.
 */
export async function fileImage(
  repo: ComposefsRepo,
  transaction: RepoTransaction,
  parts: ImageParts,
): Promise<void> {
  const configDigest = parts.manifest.config.digest
  const known = await repo.stream(configStream(configDigest))
  if (await saysTheSame(repo, parts, known)) return
  const configId = await writeConfig(transaction, parts)
  transaction.setStream(configStream(configDigest), configId)
  transaction.setStream(
    manifestStream(parts.manifestDigest),
    await writeDocument(transaction, contentTypes.manifest, parts.manifestBytes, [
      [configRef(configDigest), configId],
      ...manifestLayerRefs(parts),
    ]),
  )
  if (known !== undefined && known !== configId) {
    await relinkConfig(repo, transaction, { configDigest, configId, except: parts.manifestDigest })
  }
}

async function saysTheSame(
  repo: ComposefsRepo,
  { manifestDigest, diffIds, layers, images }: ImageParts,
  configId: ObjectId | undefined,
): Promise<boolean> {
  const stored = await readDocumentsOrUndefined(repo, manifestDigest)
  if (stored === undefined || stored.configId !== configId || stored.images.size !== images.size) return false
  for (const [name, id] of images) if (stored.images.get(name) !== id) return false
  return diffIds.every((diffId) => stored.layers.get(diffId) === layers.get(diffId))
}

function writeConfig(transaction: RepoTransaction, parts: ImageParts): Promise<ObjectId> {
  const { diffIds, layers, images, configBytes } = parts
  const order = [imageRef(2), imageRef(1), bootImageRef(2), bootImageRef(1)]
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length)
  const sorted = [...images].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
  return writeDocument(transaction, contentTypes.config, configBytes, [
    ...diffIds.flatMap((diffId) => linkOf(layers, diffId, diffId)),
    ...sorted,
  ])
}

/**
 * Layers by diffId. Composefs-rs takes an image with Docker's media types for an artifact, whose layers it
 * looks up by the digests of the blobs.
 */
function manifestLayerRefs({ manifest, diffIds, layers }: ImageParts): [string, ObjectId][] {
  const refs = diffIds.flatMap((diffId) => linkOf(layers, diffId, diffId))
  if (!isDockerManifest(manifest)) return refs
  const blobs = manifest.layers.flatMap(({ digest }, i) => linkOf(layers, diffIds[i] ?? digest, digest))
  return [...refs, ...blobs]
}

function linkOf(layers: ReadonlyMap<string, ObjectId>, diffId: string, name: string): [string, ObjectId][] {
  const id = layers.get(diffId)
  return id === undefined ? [] : [[name, id]]
}

/** A stream of one object, with links in this order. */
async function writeDocument(
  transaction: RepoTransaction,
  contentType: bigint,
  bytes: Uint8Array,
  links: readonly (readonly [name: string, id: ObjectId])[],
): Promise<ObjectId> {
  const stream = transaction.splitstream(contentType)
  for (const [name, id] of new Map(links)) stream.namedRef(name, id)
  stream.external(await transaction.putObject(bytes), bytes.length)
  return stream.finish()
}

async function relinkConfig(
  repo: ComposefsRepo,
  transaction: RepoTransaction,
  config: { readonly configDigest: Digest; readonly configId: ObjectId; readonly except: Digest },
): Promise<void> {
  const name = configRef(config.configDigest)
  for await (const { contentId, id } of repo.listStreams()) {
    const digest = manifestOfStream(contentId)
    if (digest === undefined || digest === config.except) continue
    const old = await openOrSkip(repo, id)
    const linked = old?.namedRefs.get(name)
    if (old === undefined || linked === undefined || linked === config.configId) continue
    const stream = transaction.splitstream(contentTypes.manifest)
    for (const [key, value] of old.namedRefs) stream.namedRef(key, key === name ? config.configId : value)
    const [object] = old.objectRefs
    if (object === undefined || old.objectRefs.length > 1) continue
    stream.external(object, old.sizeBytes)
    transaction.setStream(contentId, await stream.finish())
  }
}

/** What is damaged is not mended here. */
async function openOrSkip(
  repo: ComposefsRepo,
  id: ObjectId,
): Promise<Awaited<ReturnType<ComposefsRepo['openStream']>> | undefined> {
  try {
    return await repo.openStream(id)
  } catch (error) {
    if (isBootcError(error)) return undefined
    throw error
  }
}
