import { BootcError } from '../errors.js'
import type { ReadTree } from '../interfaces/index.js'
import { isUtf8Name, joinPath, parentPath } from '../names/index.js'
import { canonicalReference, parseImageReference, parseRegistryName } from '../oci/index.js'
import type { ImageReference } from '../oci/reference.js'
import type { Platform } from '../oci/types.js'
import { followPath, readText } from '../store-kit/index.js'
import { parseUnitFile, type UnitFile } from './unit-file.js'

/** An image that a system's image asks for. Plain data. */
export interface BoundImage {
  /** As the unit says it, `%%` resolved. */
  readonly image: string
  readonly reference: ImageReference
  /** Name of the link in `usr/lib/bootc/bound-images.d`. */
  readonly file: string
  /** `Arch=` and `Variant=` of an `.image` file; default: the machine's. */
  readonly architecture?: string
  readonly variant?: string
}

const directory = 'usr/lib/bootc/bound-images.d'

type BoundTree = Pick<ReadTree, 'stat' | 'list' | 'read' | 'readlink'>

/**
 * Images bound to a system: links in `usr/lib/bootc/bound-images.d` that lead to quadlet `.image` and `.container`
 * files within the root. In byte order of the links' names.
 *
 * @throws BootcError `IMAGE_BOUND_INVALID`
 * @see bootc 1.16.9 `boundimage.rs`, podman-systemd.unit(5)
 */
export async function readBoundImages(tree: BoundTree): Promise<BoundImage[]> {
  if ((await tree.stat(directory))?.type !== 'directory') return []
  const found: BoundImage[] = []
  for await (const { name, stat } of tree.list(directory)) {
    if (!isUtf8Name(name)) throw invalid(name, 'the name is not UTF-8')
    if (stat.type !== 'symlink') throw invalid(name, `Not a symlink: ${name}`)
    const extension = /\.(image|container)$/.exec(name)?.[1] as 'image' | 'container' | undefined
    const path = await followPath(tree, joinPath(directory, name))
    const text = path === undefined ? undefined : await readText(tree, path)
    if (path === undefined || text === undefined) throw invalid(name, 'leads to no file of the image')
    if (extension === undefined) throw invalid(name, `Invalid file extension: ${name}`)
    found.push(await boundBy(tree, { name, path, extension }, parseUnitFile(text)))
  }
  return found
}

interface Unit {
  /** Of the link. */
  readonly name: string
  /** Of the file. */
  readonly path: string
  readonly extension: 'image' | 'container'
}

async function boundBy(tree: BoundTree, unit: Unit, file: UnitFile): Promise<BoundImage> {
  const { name, extension } = unit
  const section = file.get(extension === 'image' ? 'Image' : 'Container')
  const value = section?.get('Image')
  if (value === undefined) throw invalid(name, 'Missing Image field', { field: 'Image' })
  if (extension === 'image' && section?.has('AuthFile') === true) {
    throw invalid(name, 'AuthFile is not supported by bound bootc images', { field: 'AuthFile' })
  }
  const image = plainValue(name, 'Image', value)
  // Quadlet's way of naming another unit.
  if (extension === 'container' && /^[^/:@]+\.(?:image|build)$/.test(image))
    return namedUnit(tree, unit, image)
  const of = (key: string) => {
    const text = extension === 'image' ? section?.get(key) : undefined
    return text === undefined ? undefined : plainValue(name, key, text)
  }
  const [architecture, variant] = [of('Arch'), of('Variant')]
  return {
    image,
    reference: referenceOf(name, image),
    file: name,
    ...(architecture === undefined ? {} : { architecture }),
    ...(variant === undefined ? {} : { variant }),
  }
}

async function namedUnit(tree: BoundTree, { name, path }: Unit, image: string): Promise<BoundImage> {
  if (image.endsWith('.build')) throw invalid(name, `${image} is built on the machine, and cannot be bound`)
  const other = await followPath(tree, joinPath(parentPath(path), image))
  const text = other === undefined ? undefined : await readText(tree, other)
  if (other === undefined || text === undefined) throw invalid(name, `${image} is not beside it`)
  return boundBy(tree, { name, path: other, extension: 'image' }, parseUnitFile(text))
}

function referenceOf(name: string, image: string): ImageReference {
  try {
    const isTyped =
      /^(?:docker:\/\/|(?:oci|oci-archive|docker-archive|dir|docker-daemon|containers-storage):)/.test(image)
    const reference: ImageReference = isTyped
      ? parseImageReference(image)
      : { transport: 'registry', name: image }
    if (reference.transport !== 'registry')
      throw invalid(name, `${image} is of no registry`, { field: 'Image' })
    parseRegistryName(reference.name)
    return canonicalReference(reference)
  } catch (cause) {
    if (cause instanceof BootcError && cause.code === 'IMAGE_BOUND_INVALID') throw cause
    throw invalid(name, `Invalid image value ${JSON.stringify(image)}`, { field: 'Image' }, cause)
  }
}

/** Specifiers mean something on the running machine only; `%%` is a percent sign. */
function plainValue(name: string, field: string, value: string): string {
  if (/(?:^|[^%])(?:%%)*%$/.test(value)) throw invalid(name, 'Unterminated %', { field })
  if (/%[^%]/.test(value.replaceAll('%%', ''))) {
    throw invalid(name, `Systemd specifiers are not supported by bound bootc images: ${value}`, { field })
  }
  return value.replaceAll('%%', '%')
}

/** What to fetch for it on a machine. */
export function boundPlatform({ architecture, variant }: BoundImage, machine: string): Platform {
  const own = architecture ?? machine
  return { architecture: own, os: 'linux', ...(variant === undefined ? {} : { variant }) }
}

function invalid(
  file: string,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): BootcError {
  return new BootcError('IMAGE_BOUND_INVALID', `${directory}/${file}: ${problem}`, {
    details: { file, problem, ...details },
    cause,
  })
}
