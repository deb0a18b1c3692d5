import { mediaTypes, sha256Digest } from '../oci/index.js'
import type { Digest } from '../interfaces/common.js'
import type { ResolvedImage } from '../interfaces/transport.js'
import type { Descriptor, ImageConfig, ImageManifest } from '../oci/types.js'
import type { LayerRole } from './layer-plan.js'

/** Labels and annotations that tell of layers or of the commit that they held; wrong once there are others. */
const aboutLayers: ReadonlySet<string> = new Set(['ostree.final-diffid', 'ostree.commit'])

export interface FinishedLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  readonly role: LayerRole
  readonly groups: readonly string[]
}

/** An image whose first layers are OSTree objects. */
export function isEncapsulated(config: ImageConfig): boolean {
  return config.config?.Labels?.['ostree.final-diffid'] !== undefined
}

/**
 * The config for new layers: history is that of the layers, all else stays but labels about the old ones.
 *
 * @param newestSeconds a later time of creation becomes this one
 */
export function rechunkedConfig(
  image: ResolvedImage,
  layers: readonly FinishedLayer[],
  newestSeconds: number | undefined,
): Buffer {
  const { config } = image
  const created = createdOf(config.created, newestSeconds)
  const history = layers.map(({ role, groups }) => ({
    ...(created === undefined ? {} : { created }),
    created_by: `bootc-sdk image rechunk: ${layerTitle(role, groups)}`,
  }))
  const { Labels, ...runtime } = config.config ?? {}
  const labels = withoutLayers(Labels)
  return Buffer.from(
    JSON.stringify({
      ...config,
      ...(created === undefined ? {} : { created }),
      ...(config.config === undefined
        ? {}
        : { config: { ...runtime, ...(labels === undefined ? {} : { Labels: labels }) } }),
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history,
    }),
  )
}

export function rechunkedManifest(
  image: ResolvedImage,
  config: Uint8Array,
  layers: readonly FinishedLayer[],
): { readonly manifest: ImageManifest; readonly bytes: Buffer; readonly digest: Digest } {
  const annotations = withoutLayers(image.manifest.annotations)
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: sha256Digest(config), size: config.length },
    layers: layers.map(({ descriptor }) => descriptor),
    ...(annotations === undefined ? {} : { annotations }),
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  return { manifest, bytes, digest: sha256Digest(bytes) }
}

/** What a layer holds, for people. */
export function layerTitle(role: LayerRole, groups: readonly string[], most = 4): string {
  if (role === 'base') return 'directories'
  if (role === 'top') return 'times of directories, changes'
  if (role === 'all') return 'everything'
  const names = groups.map((id) => id.replace(/^(?:pkg|file|dir|files):/, ''))
  if (names.length <= most) return names.join(', ')
  return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`
}

function createdOf(created: string | undefined, newestSeconds: number | undefined): string | undefined {
  if (newestSeconds === undefined || created === undefined) return created
  const seconds = Date.parse(created) / 1000
  // A time that cannot be read is as good as one that is too late.
  if (seconds <= newestSeconds) return created
  return new Date(newestSeconds * 1000).toISOString().replace('.000Z', 'Z')
}

function withoutLayers(
  map: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  if (map === undefined) return undefined
  return Object.fromEntries(Object.entries(map).filter(([key]) => !aboutLayers.has(key)))
}
