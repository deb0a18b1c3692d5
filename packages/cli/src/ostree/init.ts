import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { nodeDir } from '@bootc-sdk/core/node'
import { initRepo, type RepoMode } from '@bootc-sdk/ostree-backend'
import type { Cli } from '../io.js'
import type { RepoOptions } from './repository.js'

/** `bootc-sdk ostree init`: makes the directory too. */
export async function init(_cli: Cli, options: RepoOptions & { mode: string }): Promise<void> {
  const path = resolve(options.repo)
  await mkdir(path, { recursive: true })
  await initRepo(nodeDir(path), (options.mode === 'archive-z2' ? 'archive' : options.mode) as RepoMode)
}
