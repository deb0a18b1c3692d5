import { stat } from 'node:fs/promises'
import { diffIdMismatch } from '../../codec/codec-errors.js'
import { DEFAULT_MAX_OUTPUT_BYTES, RunningDigest } from '../../codec/index.js'
import type { Digest } from '../../interfaces/common.js'
import type { ImageDestination } from '../../interfaces/destination.js'
import {
  digestHex,
  isIndexMediaType,
  parseConfig,
  parseManifest,
  requireImageLayers,
} from '../../oci/index.js'
import type { ImageConfig, ImageManifest } from '../../oci/types.js'
import { parseDockerArchiveName } from '../local/docker-archive-name.js'
import { unpacked } from '../local/unpacked.js'
import { sliceOfHandle } from '../nameless-file.js'
import { layoutInvalid } from '../transport-errors.js'
import { readSpooled } from './archive-spool.js'
import type { ArchiveSpool, Spooled } from './archive-spool.js'
import { spools } from './archive-spools.js'

/**
 * `docker-archive:FILE[:NAME:TAG]`: what `docker load` reads, with layers as plain tars. Images are not added to a file
 * that is there. The same image gives the same bytes.
 *
 * @see moby image/tarexport, containers/image 5.34 docker/internal/tarfile
 */
export function dockerArchiveDestination(): ImageDestination {
  const open = spools()
  const nameOf = (target: Parameters<ImageDestination['hasBlob']>[0]) => {
    const name = parseDockerArchiveName(target)
    if (name.position === undefined) return name
    throw layoutInvalid(name.path, 'an image cannot be written to a position')
  }
  const spoolOf = (target: Parameters<ImageDestination['hasBlob']>[0]) => open.get(nameOf(target).path)
  return {
    name: 'docker-archive',
    transports: ['docker-archive'],
    async hasBlob(target, { digest }) {
      const spool = spoolOf(target)
      // Told before anything is fetched.
      if (spool.blobs.size === 0) await requireAbsent(spool.path)
      return spool.blobs.has(digest)
    },
    putBlob: (target, blob, bytes) => spoolOf(target).add(blob, bytes),
    async putManifest(target, { bytes, mediaType }, options = {}) {
      const { path, image } = nameOf(target)
      if (options.byDigest === true || isIndexMediaType(mediaType)) {
        throw layoutInvalid(path, 'an archive for docker holds images of one platform')
      }
      const spool = open.get(path)
      await requireAbsent(path)
      await writeArchive(spool, parseManifest(bytes), image)
      await open.close(path)
    },
    close: () => open.close(),
  }
}

async function requireAbsent(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined && found.size > 0) throw layoutInvalid(path, 'is there already, and is not changed')
}

async function writeArchive(
  spool: ArchiveSpool,
  manifest: ImageManifest,
  tag: string | undefined,
): Promise<void> {
  requireImageLayers(manifest)
  const configBytes = await bytesOf(part(spool, manifest.config.digest))
  const config = parseConfig(configBytes, manifest)
  const configName = `${digestHex(manifest.config.digest)}.json`
  const made: Spooled[] = []
  try {
    const layers = await unpackLayers(spool, manifest, config, made)
    const item = {
      Config: configName,
      RepoTags: tag === undefined ? [] : [tag],
      Layers: config.rootfs.diff_ids.map(layerName),
    }
    await spool.write([
      ...[...layers].map(([diffId, layer]) => [layerName(diffId), layer] as const),
      [configName, configBytes],
      ['manifest.json', Buffer.from(JSON.stringify([item]))],
    ])
  } finally {
    for (const layer of made) if (!(layer instanceof Uint8Array)) await layer.file.close()
  }
}

const layerName = (diffId: Digest): string => `${digestHex(diffId)}.tar`

/** By diff id, lowest first, each once. @param made receives every file, for closing */
async function unpackLayers(
  spool: ArchiveSpool,
  manifest: ImageManifest,
  config: ImageConfig,
  made: Spooled[],
): Promise<Map<Digest, Spooled>> {
  const layers = new Map<Digest, Spooled>()
  for (const [index, { digest }] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index]!
    if (layers.has(diffId)) continue
    const blob = part(spool, digest)
    if (blob instanceof Uint8Array) throw layoutInvalid(spool.path, `${digest} is no layer`)
    const file = await spool.temporary()
    const running = new RunningDigest()
    const layer: { file: typeof file; size: number } = { file, size: 0 }
    made.push(layer)
    const source = unpacked(sliceOfHandle(blob.file, blob.size), {
      path: spool.path,
      what: `layer ${digest}`,
      maxBytes: DEFAULT_MAX_OUTPUT_BYTES,
    })
    for await (const chunk of source) {
      running.update(chunk)
      await file.writeFile(chunk)
    }
    const actual = running.digest()
    if (actual !== diffId) throw diffIdMismatch(digest, diffId, actual)
    layer.size = running.bytes
    layers.set(diffId, layer)
  }
  return layers
}

function part(spool: ArchiveSpool, digest: Digest): Spooled {
  const found = spool.blobs.get(digest)
  if (found === undefined) throw layoutInvalid(spool.path, `${digest} was not written`)
  return found
}

async function bytesOf(content: Spooled): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readSpooled(content)) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}
