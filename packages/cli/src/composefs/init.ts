import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { initComposefsRepo, type VerityAlgorithm } from '@bootc-sdk/composefs-backend'
import { nodeDir } from '@bootc-sdk/core/node'
import type { Cli } from '../io.js'

interface InitFlags {
  readonly repo: string
  readonly algorithm: VerityAlgorithm
  readonly erofsVersion: 1 | 2
  readonly requireVerity?: boolean
}

/** `bootc-sdk composefs init`. */
export async function init(cli: Cli, options: InitFlags): Promise<void> {
  const path = resolve(options.repo)
  await mkdir(path, { recursive: true, mode: 0o700 })
  await using repo = await initComposefsRepo(nodeDir(path), {
    algorithm: options.algorithm,
    erofsVersion: options.erofsVersion,
    requireVerity: options.requireVerity === true,
  })
  await cli.out.write(
    `Initialized composefs repository at ${path}\n  algorithm: fsverity-${repo.meta.algorithm}-12\n` +
      `  verity:    ${repo.verity.mode === 'required' ? 'required' : 'not required (insecure)'}\n`,
  )
}
