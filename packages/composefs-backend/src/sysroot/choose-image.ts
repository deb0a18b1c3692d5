import type { DeploymentId, OpOptions, StoredImage } from '@bootc-sdk/core'
import { repoFileOpener } from '../boot/byte-source.js'
import { parseComposefsKarg } from '../boot/karg.js'
import { checkSeal } from '../boot/seal.js'
import { treeFromLayers } from '../tree/from-layers.js'
import { verityError } from '../repo/errors.js'
import { notBootable } from '../tree/oci-transform.js'
import { repoFileReader } from '../tree/read-file.js'
import { bootDigestOf, findBootSource, type BootSource } from './boot-source.js'
import type { DeploymentParts } from './deployment-store.js'
import type { BootType } from './origin.js'

export interface ChosenImage {
  /** The image that boots, which names the deployment. */
  readonly id: DeploymentId
  readonly bootType: BootType
  /** Hex. */
  readonly bootDigest: string
  readonly source: BootSource
}

/**
 * The image that boots a container image: what its unified kernel image is sealed for, else the one that the
 * repository makes of it.
 *
 * @throws BootcError `STORE_COMPOSEFS_NOT_BOOTABLE`, `STORE_COMPOSEFS_SEAL_MISMATCH`, `STORE_COMPOSEFS_ALGORITHM`,
 *   `STORE_COMPOSEFS_VERITY`, `BOOT_UKI_INVALID`, `IMAGE_NOT_STORED`
 */
export async function chooseImage(
  parts: Pick<DeploymentParts, 'repo' | 'images' | 'allowMissingVerity'>,
  image: StoredImage,
  options: OpOptions,
): Promise<ChosenImage> {
  const { images } = parts
  const source = await findBootSource(await images.open(image))
  const id =
    source.type === 'uki'
      ? await sealedId(parts, image, source, options)
      : await images.bootImage(image, options)
  if (source.type === 'uki') assertVerity(parts, source)
  options.signal?.throwIfAborted()
  return { id, bootType: source.type, bootDigest: await bootDigestOf(source), source }
}

/** A kernel image that demands fs-verity would find none, and nothing else can be told to it. */
function assertVerity(
  { repo, allowMissingVerity }: Pick<DeploymentParts, 'repo' | 'allowMissingVerity'>,
  { cmdline, image: { path } }: Extract<BootSource, { type: 'uki' }>,
): void {
  const karg = parseComposefsKarg(cmdline, repo.meta.algorithm)
  if (karg === undefined || karg.optional || allowMissingVerity || repo.verity.mode === 'required') return
  throw verityError(`/${path}`, 'it demands fs-verity, which the repository does not have')
}

async function sealedId(
  { repo, images }: Pick<DeploymentParts, 'repo' | 'images'>,
  image: StoredImage,
  { cmdline, image: { path } }: Extract<BootSource, { type: 'uki' }>,
  options: OpOptions,
): Promise<DeploymentId> {
  const { algorithm, erofsVersion: version } = repo.meta
  const karg = parseComposefsKarg(cmdline, algorithm)
  const found = karg && (await images.findBootImage(image, karg.id, options))
  if (found !== undefined) return found
  // Says what differs.
  const tree = await treeFromLayers(repo, image.config.rootfs.diff_ids, options)
  const [readFile, openFile] = [repoFileReader(repo), repoFileOpener(repo)]
  const matches = await checkSeal({ tree, algorithm, version, readFile, openFile })
  const match = matches.find((each) => each.source === 'uki')
  if (match === undefined) throw notBootable(`/${path} has no composefs= argument`)
  return match.id
}
