import type { BootcError } from '@bootc-sdk/core'
import { type OpOptions } from '@bootc-sdk/core'
import { objectPath } from '../format/types.js'
import type { ComposefsRepo } from './api.js'
import { corruptObject, verityError } from './errors.js'
import { enableVerity, measureVerity } from './verity-fs.js'

/**
 * Make a repository demand fs-verity: enable it on every object, compare what the kernel measures with the
 * object's name, and last on meta.json, which is the demand. Repeatable; when it fails nothing is demanded that
 * was not before, and objects that have verity by then only gained it.
 *
 * The open `repo` keeps its old state: open it again.
 *
 * @throws BootcError `STORE_COMPOSEFS_VERITY` where the file system has none, `STORE_COMPOSEFS_CORRUPT`
 */
export async function enforceRepoVerity(
  repo: ComposefsRepo,
  options: OpOptions = {},
): Promise<{ readonly objects: number; readonly enabled: number }> {
  const { dir, meta } = repo
  let objects = 0
  let enabled = 0
  for await (const { id } of repo.listObjects()) {
    options.signal?.throwIfAborted()
    const path = `objects/${objectPath(id)}`
    objects++
    const answer = await enableVerity(dir, path, meta.algorithm)
    if (answer === 'unsupported') throw unsupported()
    if (answer === 'enabled') enabled++
    const measured = await measureVerity(dir, path)
    if (measured?.digest === id) continue
    throw corruptObject(id, `the kernel measures ${measured?.digest ?? 'nothing'}`)
  }
  await dir.sync()
  if ((await enableVerity(dir, 'meta.json', meta.algorithm)) === 'unsupported') throw unsupported()
  await dir.sync()
  return { objects, enabled }
}

function unsupported(): BootcError {
  return verityError(
    'the repository',
    'its file system, or the kernel, has no fs-verity; nothing is demanded',
  )
}
