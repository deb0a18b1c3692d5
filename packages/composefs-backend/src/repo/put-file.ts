import { constants, lstatSync } from 'node:fs'
import { chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BootcError, type ReadTree } from '@bootc-sdk/core'
import { encodeName } from '@bootc-sdk/core/names'
import type { ObjectId } from '../format/types.js'
import { VerityHasher } from '../format/verity.js'
import type { RepoContext } from './context.js'
import { digestFiles } from './digest.js'

/** A file of an image, a deployment or a directory; `hostPath` where it is one of this machine. */
export interface FileSource {
  readonly tree: ReadTree
  readonly path: string
  readonly hostPath?: string
}

/**
 * Content of a file at `temporary`, by reference where the file system shares blocks.
 *
 * @param temporary relative to the repository
 */
export async function copyIn(
  { dir, meta }: RepoContext,
  source: FileSource,
  temporary: string,
): Promise<{ id: ObjectId; sizeBytes: number }> {
  const { hostPath, tree, path } = source
  if (hostPath !== undefined && dir.hostPath !== undefined && dir.supports.reflink) {
    const copy = join(dir.hostPath, temporary)
    const from = encodeName(hostPath)
    if (!lstatSync(from).isFile()) throw notAFile(path)
    await copyFile(from, copy, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    await chmod(copy, 0o644)
    // The copy is measured, not the source: nothing can change it any more.
    const [made] = await digestFiles([copy], meta.algorithm)
    if (made === undefined || 'code' in made) {
      throw new BootcError('TREE_IO', `${JSON.stringify(path)} could not be copied (${made?.code})`, {
        details: { path },
      })
    }
    return { id: made.digest, sizeBytes: made.sizeBytes }
  }
  const hasher = new VerityHasher(meta.algorithm)
  async function* hashed() {
    for await (const chunk of tree.read(path)) {
      hasher.update(chunk)
      yield chunk
    }
  }
  await dir.write(temporary, hashed(), { mode: 0o644, atomic: false })
  return { id: hasher.digest(), sizeBytes: hasher.sizeBytes }
}

function notAFile(path: string): BootcError {
  return new BootcError('TREE_NOT_FILE', `${JSON.stringify(path)} is not a regular file`, {
    details: { path },
  })
}
