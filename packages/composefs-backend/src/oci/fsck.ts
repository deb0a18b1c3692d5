import { createHash } from 'node:crypto'
import {
  isBootcError,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  type OpOptions,
} from '@bootc-sdk/core'
import { digestAlgorithm, parseConfig, parseManifest } from '@bootc-sdk/core/oci'
import type { ObjectId } from '../format/types.js'
import type { ComposefsRepo, RepoFsck } from '../repo/api.js'
import { isImageManifest, readDocument } from './documents.js'
import { configRef, configStream, contentTypes, layerStream, manifestStream } from './names.js'
import { listAdopted } from './filing.js'
import { sealOf } from './seal-warnings.js'
import { listTags } from './tags.js'

export interface ImageProblem {
  /** Word of `cfsctl oci fsck` (composefs.md §10.3). */
  readonly kind: string
  /** The tag. */
  readonly image: string
  readonly message: string
}

export interface ImagesFsck {
  readonly repository: RepoFsck
  readonly images: {
    readonly checked: number
    readonly bad: number
    readonly problems: readonly ImageProblem[]
  }
}

/** Check a repository and the images that have tags in it. */
export async function fsckImages(
  repo: ComposefsRepo,
  options: OpOptions & { readonly metadataOnly?: boolean } = {},
): Promise<ImagesFsck> {
  const repository = await repo.fsck(options)
  const problems: ImageProblem[] = []
  let checked = 0
  let bad = 0
  const adopted = new Set<Digest>()
  for await (const { manifestDigest } of listAdopted(repo)) adopted.add(manifestDigest)
  for await (const { name, manifestDigest } of listTags(repo)) {
    options.signal?.throwIfAborted()
    checked++
    const before = problems.length
    const report = (kind: string, message: string) => problems.push({ kind, image: name, message })
    if (name.startsWith('@')) report('invalid-ref-name', 'names that begin with "@" stand for digests')
    else if (manifestDigest === undefined) report('ref-resolve-failed', 'does not lead to a manifest')
    else await checkImage(repo, manifestDigest, report, adopted.has(manifestDigest))
    if (problems.length > before) bad++
  }
  return { repository, images: { checked, bad, problems } }
}

type Report = (kind: string, message: string) => void

/** @param isAdopted its layers were never here; its root is, and the repository's own check has seen that */
async function checkImage(
  repo: ComposefsRepo,
  digest: Digest,
  report: Report,
  isAdopted: boolean,
): Promise<void> {
  const name = manifestStream(digest)
  const read = await attempt(report, 'manifest-read-failed', async () => {
    const id = await repo.stream(name)
    if (id !== undefined) return readDocument(repo, id, name, contentTypes.manifest)
    report('manifest-read-failed', `${name} is not there`)
    return undefined
  })
  if (read === undefined || !hasDigest(read.bytes, digest, 'manifest', report)) return
  const manifest = await attempt(report, 'manifest-parse-failed', () => parseManifest(read.bytes))
  if (manifest === undefined) return
  const configDigest = manifest.config.digest
  const configId = read.refs.get(configRef(configDigest))
  if (configId === undefined) {
    report('config-ref-missing', `the manifest does not link its config ${configDigest}`)
    return
  }
  const config = await attempt(report, 'config-read-failed', () =>
    readDocument(repo, configId, configStream(configDigest), contentTypes.config),
  )
  if (config === undefined || !hasDigest(config.bytes, configDigest, 'config', report)) return
  if (!isImageManifest(manifest)) {
    await checkArtifactLayers(repo, manifest, read.refs, report)
    return
  }
  const parsed = await attempt(report, 'config-parse-failed', () => parseConfig(config.bytes))
  if (parsed === undefined) return
  if (!isAdopted) await checkLayers(repo, parsed, config.refs, report)
  await checkSeal(repo, parsed, report)
}

async function checkLayers(
  repo: ComposefsRepo,
  config: ImageConfig,
  refs: ReadonlyMap<string, ObjectId>,
  report: Report,
): Promise<void> {
  for (const diffId of new Set(config.rootfs.diff_ids)) {
    const id = refs.get(diffId)
    if (id === undefined) {
      report('layer-ref-missing', `the config does not link layer ${diffId}`)
      continue
    }
    const stream = await attempt(report, 'layer-check-failed', async () => ({
      id: await repo.stream(layerStream(diffId)),
    }))
    if (stream !== undefined && stream.id === undefined) {
      report('layer-stream-missing', `${layerStream(diffId)} is not there`)
    }
    if (!(await repo.hasObject(id)))
      report('layer-object-missing', `object ${id} of layer ${diffId} is missing`)
  }
}

async function checkSeal(repo: ComposefsRepo, config: ImageConfig, report: Report): Promise<void> {
  const seal = sealOf(config)
  if (seal === undefined) return
  const isThere = await attempt(report, 'seal-image-missing', async () => ({
    found: await repo.hasImage(seal),
  }))
  if (isThere?.found === false)
    report('seal-image-missing', `image ${seal}, which the config names, is not there`)
}

async function checkArtifactLayers(
  repo: ComposefsRepo,
  manifest: ImageManifest,
  refs: ReadonlyMap<string, ObjectId>,
  report: Report,
): Promise<void> {
  for (const digest of new Set(manifest.layers.map((layer) => layer.digest))) {
    const id = refs.get(digest)
    if (id === undefined) report('artifact-layer-ref-missing', `the manifest does not link ${digest}`)
    else if (!(await repo.hasObject(id)))
      report('artifact-layer-object-missing', `object ${id} of ${digest} is missing`)
  }
}

function hasDigest(bytes: Uint8Array, digest: Digest, what: 'manifest' | 'config', report: Report): boolean {
  const algorithm = digestAlgorithm(digest)
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
  if (actual === digest) return true
  report(`${what}-digest-mismatch`, `hashes to ${actual}, expected ${digest}`)
  return false
}

/** What a step throws becomes a problem, unless it is none of ours. */
async function attempt<T>(report: Report, kind: string, step: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await step()
  } catch (error) {
    if (!isBootcError(error)) throw error
    report(kind, error.message)
    return undefined
  }
}
