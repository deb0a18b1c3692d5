import { isBootcError } from '@bootc-sdk/core'
import type { ObjectId } from '../format/types.js'
import type { RepoContext } from './context.js'
import { digestFiles } from './digest.js'
import { isObjectId } from './links.js'
import type { ObjectStore } from './object-store.js'
import type { Problems } from './problems.js'
import { measureVerity } from './verity-fs.js'

export interface ObjectsReport {
  readonly checked: number
  readonly bad: number
  /** Bytes of every object that is a file. */
  readonly sizes: ReadonlyMap<ObjectId, number>
}

/** Files hashed between two looks at the signal. */
const batch = 1024

/** Look at every object; read them all unless `metadataOnly`, which only finds out what is there. */
export async function checkObjects(
  context: RepoContext,
  store: ObjectStore,
  problems: Problems,
  options: { readonly metadataOnly: boolean; readonly signal: AbortSignal | undefined },
): Promise<ObjectsReport> {
  const sizes = new Map<ObjectId, number>()
  const before = problems.list.length
  let checked = 0
  for (const prefix of await store.prefixes()) {
    options.signal?.throwIfAborted()
    for (const name of await store.names(prefix)) {
      const id = prefix + name
      const stat = await store.stat(prefix, name)
      if (isObjectId(id, context.meta.algorithm) && stat?.isFile === true) {
        sizes.set(id, stat.sizeBytes)
        continue
      }
      if (stat === undefined || options.metadataOnly) continue
      checked++
      const path = `objects/${prefix}/${name}`
      if (isObjectId(id, context.meta.algorithm))
        problems.add('object-open-failed', path, 'not a regular file')
      else problems.add('object-invalid-name', path, `not the rest of a ${context.meta.algorithm} digest`)
    }
  }
  if (options.metadataOnly) return { checked: 0, bad: 0, sizes }
  const ids = [...sizes.keys()]
  for (let at = 0; at < ids.length; at += batch) {
    options.signal?.throwIfAborted()
    await checkBatch(context, store, problems, ids.slice(at, at + batch))
  }
  return { checked: checked + ids.length, bad: problems.list.length - before, sizes }
}

async function checkBatch(
  context: RepoContext,
  store: ObjectStore,
  problems: Problems,
  ids: readonly ObjectId[],
): Promise<void> {
  const { dir, meta, verity } = context
  const paths = ids.map((id) => `objects/${id.slice(0, 2)}/${id.slice(2)}`)
  const good = new Array<boolean>(ids.length).fill(true)
  if (verity.mode === 'required') {
    for (const [i, path] of paths.entries()) {
      const measured = await measureVerity(dir, path)
      if (measured === undefined) problems.add('object-verity-missing', path)
      else if (measured.digest !== ids[i]) {
        problems.add('object-digest-mismatch', path, `measured ${measured.digest}`)
      } else continue
      good[i] = false
    }
  }
  // The kernel only remembers what it measured once; reading finds what has happened to the disk since.
  if (dir.hostPath === undefined) {
    for (const [i, id] of ids.entries()) {
      if (!good[i]) continue
      try {
        await store.verify(id)
      } catch (error) {
        const mismatch = isBootcError(error, 'STORE_COMPOSEFS_CORRUPT')
        problems.addError(mismatch ? 'object-digest-mismatch' : 'object-verity-failed', paths[i]!, error)
      }
    }
    return
  }
  const results = await digestFiles(
    paths.map((path) => `${dir.hostPath}/${path}`),
    meta.algorithm,
  )
  for (const [i, result] of results.entries()) {
    if (!good[i]) continue
    if ('code' in result) problems.add('object-verity-failed', paths[i]!, `cannot be read (${result.code})`)
    else if (result.digest !== ids[i]) {
      problems.add('object-digest-mismatch', paths[i]!, `measured ${result.digest}`)
    }
  }
}
