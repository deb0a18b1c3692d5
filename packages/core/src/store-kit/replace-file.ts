import type { Dir } from '../interfaces/index.js'
import { joinPath, parentPath } from '../names/index.js'

/** Name that `replaceFile` works under, in the directory of the file. */
export const replaceTemporary = '.bootc-sdk-replace.tmp'

/**
 * Replace a small file so that a power cut leaves the old content or the new, never an empty file: the new one is
 * on disk before it takes the name.
 */
export async function replaceFile(dir: Dir, path: string, data: Uint8Array, mode: number): Promise<void> {
  const temporary = joinPath(parentPath(path), replaceTemporary)
  await dir.remove(temporary)
  await dir.write(temporary, data, { mode, atomic: false })
  await dir.sync()
  await dir.rename(temporary, path)
  await dir.sync()
}
