import type { Dir } from '@bootc-sdk/core'
import type { NativeAccess } from '@bootc-sdk/core/store-kit'
import type { RepoMeta, VerityState } from './api.js'

/** What every part of a repository works with. */
export interface RepoContext {
  readonly dir: Dir
  readonly meta: RepoMeta
  readonly verity: VerityState
  /** Whether new objects get fs-verity: required, or the file system was found to do it. */
  readonly enforceVerity: boolean
  /** Only when the directory has a host path. */
  readonly native: NativeAccess | undefined
}
