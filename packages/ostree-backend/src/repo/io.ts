import { BootcError, isBootcError, type Bytes, type ReadTree } from '@bootc-sdk/core'

/**
 * Whole content of a small file, undefined when there is none.
 *
 * @throws BootcError `STORE_OSTREE_CORRUPT` beyond `maxBytes`
 */
export async function readFile(
  tree: Pick<ReadTree, 'read'>,
  path: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  try {
    return await collect(tree.read(path), maxBytes, path)
  } catch (error) {
    if (isBootcError(error, 'TREE_NOT_FOUND')) return undefined
    throw error
  }
}

export async function collect(source: Bytes, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > maxBytes) {
      throw new BootcError('STORE_OSTREE_CORRUPT', `${what} is larger than ${maxBytes} bytes`, {
        details: { object: what, reason: `larger than ${maxBytes} bytes` },
      })
    }
    chunks.push(chunk)
  }
  return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks, length)
}

/** Make a directory unless it is there. The umask applies, as it does to directories that the addon or ostree makes. */
export async function ensureDir(
  dir: { mkdir(path: string, meta?: { mode?: number }): Promise<void> },
  path: string,
): Promise<void> {
  try {
    await dir.mkdir(path, { mode: 0o775 & ~process.umask() })
  } catch (error) {
    if (!isBootcError(error, 'TREE_EXISTS')) throw error
  }
}
