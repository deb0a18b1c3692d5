import type { Bytes, ReadTree } from '@bootc-sdk/core'
import { BootcError } from '@bootc-sdk/core'
import type { ComposefsRepo } from '../repo/api.js'
import type { Inode } from '../tree/inode.js'

/** A file of known size that can be read in parts. */
export interface ByteSource {
  readonly sizeBytes: number
  read(range: { readonly start: number; readonly end: number }): Bytes
}

/** Opens regular files of a tree. */
export type OpenFile = (file: Inode) => ByteSource

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,

    async *read({ start, end }) {
      if (end > start) yield bytes.subarray(start, end)
    },
  }
}

/** Files of trees whose objects are in a repository. */
export function repoFileOpener(repo: Pick<ComposefsRepo, 'openObject'>): OpenFile {
  return (file) => {
    if (file.content !== undefined || Number(file.size) === 0) {
      return bytesSource(file.content ?? new Uint8Array(0))
    }
    return {
      sizeBytes: Number(file.size),
      read: (range) => {
        if (file.digest === '') {
          throw new BootcError('STORE_COMPOSEFS_NO_OBJECT', 'a file of the tree has no object', {
            details: { object: '' },
          })
        }
        return repo.openObject(file.digest, range)
      },
    }
  }
}

export function treeFileSource(
  tree: Pick<ReadTree, 'read'>,
  file: { readonly path: string; readonly sizeBytes: number },
): ByteSource {
  return { sizeBytes: file.sizeBytes, read: (range) => tree.read(file.path, range) }
}

/** Part of a file in one piece. The caller has bounded it. */
export async function readRange(source: ByteSource, start: number, end: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of source.read({ start, end })) parts.push(part)
  return Buffer.concat(parts)
}
