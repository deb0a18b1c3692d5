import { digestOf } from '../codec/digest-of.js'
import { BootcError, isBootcError } from '../errors.js'
import type { Bytes, Digest } from '../interfaces/common.js'
import type { ReadTree } from '../interfaces/tree.js'
import { ioConcurrency, mapLimit } from '../store-kit/map-limit.js'
import type { TocFile } from './toc.js'

/** Content that need not be fetched: read again when it is needed. */
export type LocalContent = () => Bytes

/**
 * Which files of a layer are in the root of an image that is stored: by path and size, then by digest. What lies in
 * /etc is below usr/etc in some stores. What cannot be read is not there: it can be fetched.
 *
 * @returns content that throws `IMAGE_LAYER_CORRUPT` when it can be read no more
 */
export async function findLocalFiles(
  files: ReadonlyMap<string, TocFile>,
  root: ReadTree,
  signal?: AbortSignal,
): Promise<Map<string, LocalContent>> {
  const found = new Map<string, LocalContent>()
  await mapLimit([...files], ioConcurrency, async ([name, file]) => {
    signal?.throwIfAborted()
    for (const path of placesOf(name)) {
      const stat = await statOf(root, path)
      if (stat?.type !== 'file' || stat.sizeBytes !== file.sizeBytes) continue
      if ((await digestIn(root, path)) !== file.digest) continue
      found.set(name, () => readAgain(root, path, signal))
      return
    }
  })
  return found
}

async function digestIn(root: ReadTree, path: string): Promise<Digest | undefined> {
  try {
    return await digestOf(root.read(path))
  } catch {
    return undefined
  }
}

async function* readAgain(
  root: ReadTree,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* root.read(path)
  } catch (cause) {
    signal?.throwIfAborted()
    const reason = `needs /${path} of the stored image, which cannot be read`
    throw new BootcError('IMAGE_LAYER_CORRUPT', `a zstd:chunked layer ${reason}`, {
      details: { reason },
      cause,
    })
  }
}

/** As names in tars, and below /usr/etc; empty for names that leave the root. */
function placesOf(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) return []
  const path = parts.join('/')
  return parts[0] === 'etc' ? [path, `usr/${path}`] : [path]
}

async function statOf(root: ReadTree, path: string) {
  try {
    return await root.stat(path)
  } catch (error) {
    // A link or a file on the way: then it is another file.
    if (isBootcError(error)) return undefined
    throw error
  }
}
