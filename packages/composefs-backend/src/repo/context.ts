import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Dir } from '@bootc-sdk/core'
import type { NativeAddon } from '@bootc-sdk/native'
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

/** The addon, and where the repository lies for it. */
export interface NativeAccess {
  readonly addon: NativeAddon
  readonly repoPath: string
  /** Make a directory of ours in the repository, since writers open synchronously; returns its host path. */
  makeDir(path: string): string
}

export function nativeAccess(addon: NativeAddon | undefined, dir: Dir): NativeAccess | undefined {
  const { hostPath } = dir
  if (addon === undefined || hostPath === undefined) return undefined
  return {
    addon,
    repoPath: hostPath,
    makeDir(path) {
      const full = join(hostPath, path)
      mkdirSync(full, { recursive: true, mode: 0o755 })
      return full
    },
  }
}
