import type { Dir } from '@bootc-sdk/core'
import type { NativeAccess } from '@bootc-sdk/core/store-kit'
import type { RepoMode } from './api.js'
import type { RepoConfig } from './config.js'

/** What every part of a repository works with. */
export interface RepoContext {
  readonly dir: Dir
  readonly mode: RepoMode
  readonly config: RepoConfig
  /** Only when the directory has a host path. */
  readonly native: NativeAccess | undefined
}
