import type { Bytes, ByteProgress, ImageConfig, ImageManifest, OpOptions, Platform } from '@bootc-sdk/core'
import type { LayerCompression } from '@bootc-sdk/core/codec'
import { hostPlatform } from '@bootc-sdk/core/oci'
import { buildLayer, builtImage, type BuiltImage, type BuiltLayer } from '@bootc-sdk/core/transports'
import { invalid } from '../../format/errors.js'
import { lookup } from '../../format/variant-dict.js'
import type { OstreeRepo } from '../../repo/api.js'
import { requireRev } from '../../repo/require-rev.js'
import { componentsAnnotation, componentSeparator, finalDiffIdLabel } from '../names.js'
import { chunkContent, type ChunkOptions } from './chunks.js'
import { loadCommit } from './commit-contents.js'
import { commitLabels, type LabelOptions } from './commit-labels.js'
import type { ContentMeta } from './content-meta.js'
import { atSecond, imageDocuments } from './image-documents.js'
import { commitLayerTar, componentLayerTar } from './ostree-layer-tar.js'

/** A layer is being made: bytes of its tar so far, 0 in all while that is not known. */
export interface EncapsulateEvent {
  readonly type: 'encapsulate:layer'
  readonly detail: ByteProgress
}

export interface EncapsulateOptions extends OpOptions<EncapsulateEvent>, LabelOptions {
  /** What a container made from the image gets, such as `Env`; labels are added to its own. */
  readonly config?: ImageConfig['config']
  /** Command of a container; before that in the commit's metadata, and that in `config`. */
  readonly cmd?: readonly string[]
  /** RFC 3339. Default: that of the content metadata, else the time of the commit. */
  readonly created?: string
  /** Default: that of this machine. */
  readonly platform?: Pick<Platform, 'architecture' | 'os'>
  /** Which component content belongs to: a layer for each, or packed with `maxLayers`, `previous`. */
  readonly contentMeta?: ContentMeta
  /** Components with a layer of their own, by id: paths of the commit with their checksums. */
  readonly exclusive?: NonNullable<ChunkOptions['exclusive']>
  /** Layers for content, at most; the one with the commit comes to that. Default 64, once content is packed. */
  readonly maxLayers?: number
  /** The build before: components stay in the layers where they were. */
  readonly previous?: Pick<ImageManifest, 'layers'>
  /** Default `gzip`. */
  readonly compression?: LayerCompression
  /** Where layers lie until the image is disposed of. Default /var/tmp. */
  readonly temporaryDir?: string
}

/**
 * Make an OCI image of a commit, as `ostree container encapsulate` does: with gzip the same bytes. The commit can be
 * imported from it again, signatures included; a container runtime sees the files.
 *
 * @param rev ref or checksum
 * @returns an image for `copyImage` and `pullImage`; layers lie in files without a name until it is disposed of
 * @throws BootcError `STORE_OSTREE_NO_REV`, `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_PARTIAL`, `STORE_OSTREE_CORRUPT`
 *   (content that does not hash to its name is not published); `STORE_OSTREE_INVALID` for options that do not fit
 * @see bootc 1.16.9, ostree-ext container/encapsulate.rs
 */
export async function encapsulate(
  repo: OstreeRepo,
  rev: string,
  options: EncapsulateOptions = {},
): Promise<BuiltImage> {
  const { signal, contentMeta } = options
  signal?.throwIfAborted()
  const checksum = await requireRev(repo, rev)
  const contents = await loadCommit(repo, checksum, signal)
  const { commit } = contents
  const labels = commitLabels(checksum, commit, {
    ...options,
    labels: { ...options.labels, ...contentMeta?.labels },
  })
  const { chunks, remainder } = await chunkContent(repo, contents.files, options)
  const layers: BuiltLayer[] = []
  const add = async (
    tar: Bytes,
    name: string,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<void> => {
    layers.push(await build(tar, name, annotations, options))
  }
  try {
    const subject = commit.subject === '' ? `ostree export of commit ${checksum}` : commit.subject
    await add(commitLayerTar(repo, contents, remainder, signal), subject)
    for (const { name, components, content } of chunks) {
      const annotations = { [componentsAnnotation]: components.join(componentSeparator) }
      await add(componentLayerTar(repo, content, signal), name, annotations)
    }
    labels[finalDiffIdLabel] = layers.at(-1)!.diffId
    const names = [subject, ...chunks.map(({ name }) => name)]
    const documents = imageDocuments({
      platform: options.platform ?? hostPlatform(),
      created: options.created ?? contentMeta?.created ?? timeOf(commit.timestamp),
      config: containerConfig(options, lookup(commit.metadata, 'ostree.container-cmd', 'as'), labels),
      annotations: labels,
      layers: layers.map(({ descriptor, diffId }, i) => ({ descriptor, diffId, createdBy: names[i]! })),
    })
    return builtImage(documents, layers, `commit ${checksum}`)
  } catch (error) {
    for (const layer of layers) await layer[Symbol.asyncDispose]()
    throw error
  }
}

function build(
  tar: Bytes,
  id: string,
  annotations: Readonly<Record<string, string>> | undefined,
  { compression, temporaryDir, signal, onProgress }: EncapsulateOptions,
): Promise<BuiltLayer> {
  const onBytes = (bytes: number): void =>
    onProgress?.({ type: 'encapsulate:layer', detail: { id, bytes, totalBytes: 0, cachedBytes: 0 } })
  return buildLayer(tar, { compression, temporaryDir, signal, annotations, onBytes })
}

function containerConfig(
  { config, cmd }: EncapsulateOptions,
  commitCmd: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
): NonNullable<ImageConfig['config']> {
  const command = cmd ?? commitCmd
  return {
    ...config,
    ...(command === undefined ? {} : { Cmd: command }),
    Labels: { ...config?.Labels, ...labels },
  }
}

function timeOf(timestamp: number): string {
  // What JavaScript's dates, and with four digits RFC 3339, can say.
  if (timestamp < 0 || timestamp >= 253_402_300_800) throw invalid('commit', `has the time ${timestamp}`)
  return atSecond(timestamp)
}
