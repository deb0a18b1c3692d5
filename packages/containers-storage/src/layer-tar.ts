import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
} from 'node:fs'
import { join, posix } from 'node:path'
import { createGunzip } from 'node:zlib'
import { decodeName, encodeName } from '@bootc-sdk/core/names'
import { readTarSplit } from '@bootc-sdk/core/tar'
import { invalid, type ImageStoreFiles, type StorageLayer } from './store.js'

const maxLinks = 40
/** Read at once; larger files are streamed. */
const smallBytes = 1024 * 1024

/**
 * The tar of a layer as it was pulled, to the byte, from its headers (`.tar-split.gz`) and its files.
 *
 * @throws BootcError `IMAGE_LAYOUT_INVALID` when a file is missing or has another size
 */
export async function* layerTar(
  { root, driver }: ImageStoreFiles,
  layer: StorageLayer,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const splitPath = join(root, `${driver}-layers`, `${layer.id}.tar-split.gz`)
  const content = driver === 'vfs' ? join(root, 'vfs/dir', layer.id) : join(root, 'overlay', layer.id, 'diff')
  const files = layerFiles(content)
  for await (const item of readTarSplit(unpacked(splitPath))) {
    signal?.throwIfAborted()
    if (item.kind === 'bytes') yield item.bytes
    else yield* fileContent(files(item.name), item.sizeBytes)
  }
}

async function* unpacked(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path)
  const gunzip = createGunzip()
  file.on('error', (error) => gunzip.destroy(error))
  try {
    yield* file.pipe(gunzip) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw invalid(path, 'cannot be read', cause)
  } finally {
    file.destroy()
  }
}

/**
 * Host paths of a layer's files by their names in the tar. Links on the way lead inside the layer, as they did when it
 * was unpacked; each directory is looked at once.
 */
function layerFiles(root: string): (name: string) => string {
  const directories = new Map<string, string>([['', root]])
  const directoryOf = (path: string, depth: number): string => {
    const known = directories.get(path)
    if (known !== undefined) return known
    if (depth > maxLinks) throw invalid(root, `has links in circles at ${path}`)
    const parent = directoryOf(parentOf(path), depth)
    const host = join(parent, posix.basename(path))
    const found = isLink(host)
      ? directoryOf(linkTarget(path, decodeName(readlinkSync(encodeName(host), 'buffer'))), depth + 1)
      : host
    directories.set(path, found)
    return found
  }
  return (name) => {
    const path = inside(name)
    return join(directoryOf(parentOf(path), 0), posix.basename(path))
  }
}

/** Where a link leads, with `..` stopping at the layer's root. */
function linkTarget(path: string, target: string): string {
  return inside(target.startsWith('/') ? target : `${parentOf(path)}/${target}`)
}

function inside(name: string): string {
  return posix.join('/', name).replace(/^\/+|\/+$/g, '')
}

function parentOf(path: string): string {
  const parent = posix.dirname(path)
  return parent === '.' ? '' : parent
}

function isLink(path: string): boolean {
  return lstatSync(encodeName(path), { throwIfNoEntry: false })?.isSymbolicLink() === true
}

async function* fileContent(path: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let fd: number
  try {
    fd = openSync(encodeName(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (cause) {
    throw invalid(path, 'cannot be opened', cause)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size !== sizeBytes)
      throw invalid(path, `is not the file of ${sizeBytes} bytes that it was`)
    if (sizeBytes <= smallBytes) {
      yield readFileSync(fd)
      return
    }
    yield* createReadStream(path, {
      fd,
      autoClose: false,
      start: 0,
      highWaterMark: smallBytes,
    }) as AsyncIterable<Uint8Array>
  } finally {
    closeSync(fd)
  }
}
