import type { ReadTree } from '../../interfaces/index.js'
import { followPath } from '../../store-kit/follow-path.js'

export { followPath }

/** A whole file through links; undefined when absent or no file. */
export async function readFollowing(tree: ReadTree, path: string): Promise<Buffer | undefined> {
  const real = await followPath(tree, path)
  if (real === undefined || (await tree.stat(real))?.type !== 'file') return undefined
  const chunks: Uint8Array[] = []
  for await (const chunk of tree.read(real)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
