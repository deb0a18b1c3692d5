import { isBootcError } from '../errors.js'
import type { Digest, Warning } from '../interfaces/common.js'
import type { ImageTransport, ResolvedImage } from '../interfaces/transport.js'
import { printImageReference, type ImageReference } from '../oci/index.js'
import type { Descriptor, Platform } from '../oci/types.js'
import { quote } from './groups.js'
import type { LayerRole } from './layer-plan.js'

/** On layers: what they are for. */
export const roleAnnotation = 'bootc-sdk.rechunk.role'
/** On layers: ids of the groups they hold, separated by commas. */
export const groupsAnnotation = 'bootc-sdk.rechunk.groups'
/** On layers of ostree-ext: names of packages, separated by commas. */
const componentsAnnotation = 'ostree.components'

export interface PreviousLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  /** Undefined: of another tool, whose order is followed, but not its layers. */
  readonly role: LayerRole | undefined
  readonly groups: readonly string[]
}

/** The image that went out before. */
export interface PreviousImage {
  readonly transport: ImageTransport
  readonly image: ResolvedImage
  /** Those that say what they hold. */
  readonly layers: readonly PreviousLayer[]
  /** All layers whose blobs can be had. */
  readonly byDiffId: ReadonlyMap<Digest, Descriptor>
}

/**
 * Look at the image whose layers are to stay. That it is not there is no error: somebody publishes for the first time.
 *
 * @throws BootcError what resolving throws, but `TRANSPORT_NOT_FOUND`
 */
export async function loadPrevious(
  source: { readonly transport: ImageTransport; readonly reference: ImageReference },
  options: { readonly signal?: AbortSignal | undefined; readonly platform?: Platform | undefined },
): Promise<{ readonly previous?: PreviousImage; readonly warnings: readonly Warning[] }> {
  const { transport, reference } = source
  const name = printImageReference(reference)
  try {
    const { signal, platform } = options
    const image = await transport.resolve(reference, {
      signal,
      ...(platform === undefined ? {} : { platform }),
    })
    const layers = image.manifest.layers.flatMap((descriptor, i) => {
      const layer = describeLayer(descriptor, image.config.rootfs.diff_ids[i]!)
      return layer === undefined ? [] : [layer]
    })
    // Storage that does not keep blobs has nothing that could be named by digest.
    const blobs = image.served === undefined ? image.manifest.layers : []
    const diffIds = image.config.rootfs.diff_ids
    const byDiffId = new Map(blobs.map((descriptor, i) => [diffIds[i]!, descriptor]))
    const message = `${name} does not say what its layers hold; layers are made afresh`
    const warnings = layers.length > 0 ? [] : [{ code: 'rechunk:previous-unmarked', message }]
    return { previous: { transport, image, layers, byDiffId }, warnings }
  } catch (error) {
    if (!isBootcError(error, 'TRANSPORT_NOT_FOUND')) throw error
    const message = `${name} is not there; layers are made afresh`
    return { warnings: [{ code: 'rechunk:previous-missing', message }] }
  }
}

function describeLayer(descriptor: Descriptor, diffId: Digest): PreviousLayer | undefined {
  const { annotations = {} } = descriptor
  const role = annotations[roleAnnotation]
  if (role === 'all' || role === 'base' || role === 'content' || role === 'top') {
    return { descriptor, diffId, role, groups: split(annotations[groupsAnnotation]) }
  }
  const components = split(annotations[componentsAnnotation])
  if (components.length === 0) return undefined
  return { descriptor, diffId, role: undefined, groups: components.map((name) => `pkg:${quote(name)}`) }
}

function split(list: string | undefined): string[] {
  return (list ?? '').split(',').filter((id) => id !== '')
}
