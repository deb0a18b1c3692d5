import { readdirSync } from 'node:fs'
import { isBootcError } from '@bootc-sdk/core'
import { parseObjectName } from '../format/checksum.js'
import type { ObjectType } from './api.js'
import type { RepoContext } from './context.js'

export interface ObjectEntry {
  readonly type: ObjectType
  readonly checksum: string
  /** `XX/REST.suffix`. */
  readonly name: string
}

/** Every object of the repository; names that are none are passed over. */
export async function listObjects(context: RepoContext): Promise<ObjectEntry[]> {
  const entries: ObjectEntry[] = []
  for (const prefix of await names(context, 'objects')) {
    if (!/^[0-9a-f]{2}$/.test(prefix)) continue
    for (const name of await names(context, `objects/${prefix}`)) {
      const object = parseObjectName(prefix, name, context.mode)
      if (object !== undefined) entries.push({ ...object, name: `${prefix}/${name}` })
    }
  }
  return entries
}

async function names({ dir, native }: RepoContext, path: string): Promise<string[]> {
  // `Dir.list` looks at every entry; a listing of a large repository needs the names only.
  if (native !== undefined) return readdirSync(`${native.repoPath}/${path}`)
  const found: string[] = []
  try {
    for await (const { name } of dir.list(path)) found.push(name)
  } catch (error) {
    if (!isBootcError(error, 'TREE_NOT_DIRECTORY')) throw error
  }
  return found
}
