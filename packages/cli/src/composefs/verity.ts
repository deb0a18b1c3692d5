import { enforceRepoVerity } from '@bootc-sdk/composefs-backend'
import type { Cli } from '../io.js'
import { openRepository } from './repository.js'

interface VerityFlags {
  readonly repo: string
}

/** `bootc-sdk composefs verity status`. */
export async function verityStatus(cli: Cli, options: VerityFlags): Promise<void> {
  await using repo = await openRepository(options.repo)
  const { verity } = repo
  const words =
    verity.mode === 'required'
      ? 'required'
      : verity.enforceable
        ? 'not enforced (the file system has it; "composefs verity enable" requires it)'
        : 'not enforced (the file system has no fs-verity)'
  await cli.out.write(`algorithm: fsverity-${repo.meta.algorithm}-12\nverity:    ${words}\n`)
}

/** `bootc-sdk composefs verity enable`. */
export async function verityEnable(cli: Cli, options: VerityFlags): Promise<void> {
  await using repo = await openRepository(options.repo)
  const { objects, enabled } = await enforceRepoVerity(repo, { signal: cli.signal })
  await cli.out.write(`fs-verity is required now: ${objects} objects, ${enabled} of them newly protected\n`)
}
