import { isBootcError, type Dir } from '@bootc-sdk/core'
import { objectPath, type ObjectId } from '../format/types.js'
import { messageOf } from './io.js'

/** Damage that was found. Kinds are composefs-rs's words (composefs.md 4.5). */
export interface RepoProblem {
  readonly kind: string
  /** Relative to the repository. */
  readonly path: string
  /** Details; '' where kind and path say everything. */
  readonly message: string
}

export class Problems {
  readonly list: RepoProblem[] = []

  add(kind: string, path: string, message = ''): void {
    this.list.push({ kind, path, message })
  }

  /** Note an error that tells of damage; anything else (an abort, a broken disk of ours) is thrown on. */
  addError(kind: string, path: string, error: unknown): void {
    if (!isBootcError(error) || !/^(STORE_COMPOSEFS|TREE)_/.test(error.code)) throw error
    this.add(kind, path, messageOf(error))
  }
}

/** What lies where an object should be. Links are not followed: whatever is no file does not count. */
export async function objectState(dir: Dir, id: ObjectId): Promise<'present' | 'missing' | 'not-a-file'> {
  const stat = await dir.stat(`objects/${objectPath(id)}`)
  if (stat === undefined) return 'missing'
  return stat.type === 'file' ? 'present' : 'not-a-file'
}
