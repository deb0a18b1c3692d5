import { readFile } from 'node:fs/promises'
import type { ImageConfig, ImageManifest } from '@bootc-sdk/core'
import { transportFor } from '@bootc-sdk/core'
import type { LayerCompression } from '@bootc-sdk/core/codec'
import { displaySignedReference, parseStrictJson } from '@bootc-sdk/core/oci'
import type { BuiltImage } from '@bootc-sdk/core/transports'
import type { EncapsulateEvent } from '@bootc-sdk/ostree-backend'
import { openImageTarget } from '../commands/image-target.js'
import { openTransports, type NetworkOptions } from '../commands/open-system.js'
import { parsePlatform } from '../commands/platform.js'
import { withProgress, type ProgressOptions } from '../commands/with-progress.js'
import { parseImgref } from '../imgref.js'
import { UsageError, type Cli } from '../io.js'
import { asPullEvent } from '../progress/as-pull-event.js'
import { openRepository, type RepoOptions } from './repository.js'

interface PublishOptions extends RepoOptions, NetworkOptions, ProgressOptions {
  readonly compressionFast?: boolean
  readonly compression?: LayerCompression
}

interface EncapsulateFlags extends PublishOptions {
  readonly label?: readonly string[]
  readonly config?: string
  readonly copymeta?: readonly string[]
  readonly copymetaOpt?: readonly string[]
  readonly cmd?: readonly string[]
  readonly contentmeta?: string
  readonly maxLayers?: number
  readonly previous?: string
  readonly platform?: string
  readonly created?: string
}

/** `bootc-sdk ostree container encapsulate`. */
export async function encapsulateCommit(
  cli: Cli,
  options: EncapsulateFlags,
  rev: string,
  to: string,
): Promise<void> {
  const { contentmeta, maxLayers, previous, config, platform, created, cmd } = options
  if (contentmeta === undefined && (maxLayers !== undefined || previous !== undefined)) {
    throw new UsageError('--max-layers and --previous need --contentmeta: without it there is one layer')
  }
  const { encapsulate, parseContentMeta } = await import('@bootc-sdk/ostree-backend')
  const labels = Object.fromEntries((options.label ?? []).map(parseLabel))
  const made = {
    labels,
    copyMeta: options.copymeta ?? [],
    copyMetaOptional: options.copymetaOpt ?? [],
    compression: compressionOf(options),
    ...(cmd === undefined ? {} : { cmd }),
    ...(created === undefined ? {} : { created }),
    ...(config === undefined ? {} : { config: await readConfig(config) }),
    ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    ...(contentmeta === undefined ? {} : { contentMeta: parseContentMeta(await readFile(contentmeta)) }),
    ...(maxLayers === undefined ? {} : { maxLayers }),
    ...(previous === undefined ? {} : { previous: await manifestOf(cli, options, previous) }),
  }
  const repo = await openRepository(options)
  const { digest } = await publish(cli, options, to, (operation) =>
    encapsulate(repo, rev, { ...made, ...operation }),
  )
  await cli.out.write(`${digest}\n`)
}

/** `bootc-sdk ostree container image export`. */
export async function exportStored(
  cli: Cli,
  options: PublishOptions,
  from: string,
  to: string,
): Promise<void> {
  const { exportImage, ostreeImageStore } = await import('@bootc-sdk/ostree-backend')
  const repo = await openRepository(options)
  const reference = parseImgref(from)
  const stored = await ostreeImageStore(repo).lookup(reference.image)
  if (stored === undefined) {
    throw new UsageError(
      `${displaySignedReference(reference)} is not in the repository; "image list" shows what is`,
    )
  }
  const { digest, made } = await publish(cli, options, to, (operation) =>
    exportImage(repo, stored, { compression: compressionOf(options), ...operation }),
  )
  await cli.out.write(`Exported: ${digest}\n`)
  const others = made.layers.filter(({ diffId, original }) => diffId !== original.diffId).length
  if (others > 0 && options.quiet !== true) {
    await cli.err.write(`${others} of ${made.layers.length} layers hold the same files in another tar\n`)
  }
}

/** Make an image and write it where `to` says. */
async function publish<T extends BuiltImage>(
  cli: Cli,
  options: PublishOptions,
  to: string,
  make: (operation: { signal: AbortSignal; onProgress: (event: EncapsulateEvent) => void }) => Promise<T>,
): Promise<{ digest: string; made: T }> {
  const { copyImage } = await import('@bootc-sdk/core/transports')
  await using target = await openImageTarget(await openTransports(options), to)
  return await withProgress(cli, options, false, async (_progress, { signal, onProgress }) => {
    await using made = await make({ signal, onProgress: (event) => onProgress(asPullEvent(event)) })
    const { manifestDigest } = await copyImage({
      source: made.source,
      target,
      signal,
      onProgress: (event) => onProgress(asPullEvent(event)),
    })
    return { digest: manifestDigest, made }
  })
}

async function manifestOf(cli: Cli, options: NetworkOptions, text: string): Promise<ImageManifest> {
  const { image } = parseImgref(text)
  const transport = transportFor(await openTransports(options), image.transport)
  return (await transport.resolve(image, { signal: cli.signal })).manifest
}

async function readConfig(path: string): Promise<NonNullable<ImageConfig['config']>> {
  const { checkContainerConfig } = await import('@bootc-sdk/ostree-backend')
  let value: unknown
  try {
    value = parseStrictJson(await readFile(path))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new UsageError(`${path} is no JSON: ${error.message}`)
  }
  return checkContainerConfig(value)
}

function compressionOf({ compression, compressionFast }: PublishOptions): LayerCompression {
  if (compressionFast !== true) return compression ?? 'gzip'
  if (compression !== undefined && compression !== 'gzip') {
    throw new UsageError('--compression-fast is for gzip')
  }
  return 'gzip-fast'
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`label ${JSON.stringify(text)} is not KEY=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}
