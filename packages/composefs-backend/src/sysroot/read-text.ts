import { BootcError, type ReadTree } from '@bootc-sdk/core'

/** Configuration files are small; more than this is not read into memory. */
const maxTextBytes = 4 << 20

/** A small file as UTF-8 text; undefined when there is none. @throws BootcError `TREE_IO` when it is huge */
export async function readText(
  tree: Pick<ReadTree, 'stat' | 'read'>,
  path: string,
): Promise<string | undefined> {
  const stat = await tree.stat(path)
  if (stat?.type !== 'file') return undefined
  if (stat.sizeBytes > maxTextBytes) {
    throw new BootcError('TREE_IO', `${path} is too large to be what it should be`, { details: { path } })
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(path)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
