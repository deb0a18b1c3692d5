import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { NativeAddon } from '@bootc-sdk/native'
import type { Dir } from '../interfaces/index.js'

/** The addon, and where the repository lies for it. */
export interface NativeAccess {
  readonly addon: NativeAddon
  readonly repoPath: string
  /** Make a directory of ours in the repository, since writers open synchronously; returns its host path. */
  makeDir(path: string): string
}

/**
 * What a store needs to hand its files to the addon; undefined without addon, or for a directory in memory.
 *
 * @param dirMode of directories made; the umask applies
 * @param ownerless all that is made belongs to root and has no attributes, so directories that keep those elsewhere
 *   (`contentPath`) will do
 */
export function nativeAccess(
  addon: NativeAddon | undefined,
  dir: Dir,
  dirMode?: number,
  ownerless = false,
): NativeAccess | undefined {
  const hostPath = dir.hostPath ?? (ownerless ? dir.contentPath : undefined)
  if (addon === undefined || hostPath === undefined) return undefined
  return {
    addon,
    repoPath: hostPath,
    makeDir(path) {
      const full = join(hostPath, path)
      mkdirSync(full, { recursive: true, mode: dirMode })
      return full
    },
  }
}
