import type { Bytes, ReadTree } from '@bootc-sdk/core'
import { readErofs } from '../format/erofs/read.js'
import type { ObjectId } from '../format/types.js'
import { VerityHasher } from '../format/verity.js'
import type { ComposefsRepo } from '../repo/api.js'
import { corruptObject } from '../repo/errors.js'
import { erofsReadTree } from '../tree/erofs-read-tree.js'

/** The files that an EROFS image has, with the content of objects. */
export function checkedTree(repo: ComposefsRepo, image: Uint8Array): ReadTree {
  return erofsReadTree(readErofs(image), ({ digest, payload }, range) =>
    // Without a digest the path of the object says it.
    checkedObject(repo, digest === '' ? payload.replaceAll('/', '') : digest, range),
  )
}

/**
 * Content of an object. Where the kernel does not check it, a file that is read as a whole is checked here:
 * reading fails at its end.
 */
export async function* checkedObject(
  repo: ComposefsRepo,
  id: ObjectId,
  range?: { start: number; end?: number },
): Bytes {
  const isWholeFile = range === undefined || (range.start === 0 && range.end === undefined)
  if (repo.verity.mode === 'required' || !isWholeFile) {
    yield* repo.openObject(id, range)
    return
  }
  const hasher = new VerityHasher(repo.meta.algorithm)
  for await (const chunk of repo.openObject(id)) {
    hasher.update(chunk)
    yield chunk
  }
  const actual = hasher.digest()
  if (actual !== id) throw corruptObject(id, `its bytes have the digest ${actual}`)
}
