import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { digestFiles, treeFromReadTree, type VerityAlgorithm } from '@bootc-sdk/composefs-backend'
import { objectPath, type FileTree } from '@bootc-sdk/composefs-backend/format'
import { BootcError, isBootcError, type Dir } from '@bootc-sdk/core'
import { nodeDir } from '@bootc-sdk/core/node'

/**
 * A directory as mkcomposefs reads it: larger files become references by digest, and are copied into the flat
 * digest store when there is one.
 */
export async function treeForImage(
  source: string,
  algorithm: VerityAlgorithm,
  digestStore: string | undefined,
  signal: AbortSignal,
): Promise<FileTree> {
  if (digestStore !== undefined) await mkdir(resolve(digestStore), { recursive: true })
  const store = digestStore === undefined ? undefined : nodeDir(resolve(digestStore))
  return treeFromReadTree(
    nodeDir(source),
    async ({ tree, path }) => {
      const hostPath = join(source, path)
      const [result] = await digestFiles([hostPath], algorithm)
      if (result === undefined || 'code' in result) {
        const code = result?.code ?? 'EIO'
        throw new BootcError('TREE_IO', `${hostPath} cannot be read: ${code}`, {
          details: { path: hostPath, code },
        })
      }
      if (store !== undefined) await copyInto(store, result.digest, tree.read(path))
      return { id: result.digest, sizeBytes: result.sizeBytes }
    },
    { signal },
  )
}

async function copyInto(store: Dir, digest: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const path = objectPath(digest)
  if ((await store.stat(path)) !== undefined) return
  try {
    await store.mkdir(digest.slice(0, 2), { mode: 0o755 })
  } catch (error) {
    if (!isBootcError(error, 'TREE_EXISTS')) throw error
  }
  await store.write(path, content, { mode: 0o644 })
}
