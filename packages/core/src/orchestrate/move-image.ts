import { BootcError } from '../errors.js'
import type {
  ImageStore,
  ImportSession,
  OpOptions,
  ResolvedImage,
  StoredImage,
  Warning,
} from '../interfaces/index.js'
import { sha256Digest } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import { withEtcAtRoot } from './merged-etc-view.js'
import { runTasks } from './task-graph.js'

/** How content gets from one store to another. */
export type MoveWay =
  /** Layers as they were, byte for byte: the image has the same id as after a pull. */
  | 'layers'
  /**
   * The flattened root: its files are the same, but what the old store does not keep (times of files, empty
   * directories outside /usr) is not there, so the id is not that of a pull.
   */
  | 'tree'
  /** Neither store can: it has to be fetched. */
  | 'download'

/** Which way there is from one store to the other. */
export function moveWay(from: ImageStore, to: ImageStore): MoveWay {
  if (from.readLayer !== undefined) return 'layers'
  return to.adopt !== undefined ? 'tree' : 'download'
}

export interface MoveParts {
  readonly image: StoredImage
  readonly from: ImageStore
  readonly to: ImageStore
  readonly reference: ImageReference
  /** Ask the image's origin for manifest and config (no layer), where the old store kept no exact bytes. */
  readonly resolve: () => Promise<ResolvedImage>
}

/**
 * Bring an image into another store from the one that has it; no layer is downloaded.
 *
 * @throws BootcError `IMAGE_MOVED_ON` when the origin has another image under the reference by now
 */
export async function moveImage(
  parts: MoveParts,
  options: OpOptions = {},
): Promise<{ image: StoredImage; warnings: readonly Warning[] }> {
  const { from, to, image, reference } = parts
  const known = await to.get(image.manifestDigest)
  if (known !== undefined && (await to.lookup(reference))?.manifestDigest === image.manifestDigest) {
    return { image: known, warnings: [] }
  }
  const resolved = await documentsOf(parts)
  options.signal?.throwIfAborted()
  if (from.readLayer === undefined) {
    const tree = await withEtcAtRoot(await from.open(image))
    return { image: await to.adopt!(resolved, tree, { ...options, target: reference }), warnings: [] }
  }
  await using session = await to.begin(resolved, { ...options, target: reference })
  await putLayers(session, (index) => from.readLayer!(image, index), options)
  return session.commit(options)
}

async function putLayers(
  session: ImportSession,
  read: (index: number) => Parameters<ImportSession['putLayer']>[1],
  options: OpOptions,
): Promise<void> {
  const tasks = session.layers.flatMap(({ present, after }, index) =>
    present
      ? []
      : [
          {
            index,
            after,
            run: (signal: AbortSignal) => session.putLayer(index, read(index), { ...options, signal }),
          },
        ],
  )
  await runTasks(tasks, 1, options.signal)
}

async function documentsOf({ from, image, reference, resolve }: MoveParts): Promise<ResolvedImage> {
  const kept = await from.documents?.(image)
  if (
    kept !== undefined &&
    sha256Digest(kept.manifestBytes) === image.manifestDigest &&
    sha256Digest(kept.configBytes) === image.configDigest
  ) {
    const { manifestDigest, manifest, config, configDigest } = image
    return { reference, manifestDigest, manifest, config, configDigest, ...kept }
  }
  const resolved = await resolve()
  if (resolved.manifestDigest === image.manifestDigest) return resolved
  throw new BootcError(
    'IMAGE_MOVED_ON',
    `${reference.name} is ${resolved.manifestDigest} by now, not ${image.manifestDigest}, and the store has not kept ` +
      'the manifest of the latter to the byte; upgrade first, or follow the image by digest',
    { details: { expected: image.manifestDigest, actual: resolved.manifestDigest } },
  )
}
