import { BootcError } from '../errors.js'
import type { ReadTree } from '../interfaces/index.js'

/** Configuration files are small; more than this is not read into memory. */
const maxTextBytes = 4 << 20

/** A small file as bytes; undefined when there is none. @throws BootcError `TREE_IO` when it is huge */
export async function readSmall(
  tree: Pick<ReadTree, 'stat' | 'read'>,
  path: string,
): Promise<Buffer | undefined> {
  const stat = await tree.stat(path)
  if (stat?.type !== 'file') return undefined
  if (stat.sizeBytes > maxTextBytes) {
    throw new BootcError('TREE_IO', `${path} is too large to be what it should be`, { details: { path } })
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A small file as UTF-8 text; undefined when there is none. */
export async function readText(
  tree: Pick<ReadTree, 'stat' | 'read'>,
  path: string,
): Promise<string | undefined> {
  return (await readSmall(tree, path))?.toString('utf8')
}
