import { BootcError } from '@bootc-sdk/core'
import type { ComposefsRepo } from '../repo/api.js'
import { S_IFMT, S_IFREG } from './inode.js'
import type { Inode } from './inode.js'

/** The content of a regular file of a tree. `maxBytes`: the caller has checked that it is not larger. */
export type ReadFile = (file: Inode, maxBytes: number) => Promise<Uint8Array>

/** Content from the image where it is there, else from the repository's objects, digest checked. */
export function repoFileReader(repo: Pick<ComposefsRepo, 'readObject'>): ReadFile {
  return async (file, maxBytes) => {
    if (file.content !== undefined) return file.content
    if (Number(file.size) === 0) return new Uint8Array(0)
    if (file.digest === '') {
      throw new BootcError('STORE_COMPOSEFS_NO_OBJECT', 'a file of the tree has no object', {
        details: { object: '' },
      })
    }
    return repo.readObject(file.digest, maxBytes)
  }
}

export function isRegular(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFREG
}
