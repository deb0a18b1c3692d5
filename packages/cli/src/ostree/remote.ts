import type { Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'

/** `bootc-sdk ostree remote add`. Signatures are not checked here yet, so a pull needs --no-gpg-verify. */
export async function remoteAdd(
  _cli: Cli,
  options: RepoOptions & { gpgVerify: boolean },
  name: string,
  url: string,
): Promise<void> {
  const repo = await openRepository(options)
  const group = `remote "${name}"`
  await repo.setConfig([
    { group, key: 'url', value: url },
    ...(options.gpgVerify ? [] : [{ group, key: 'gpg-verify', value: 'false' }]),
  ])
}

/** `bootc-sdk ostree remote delete`: refs of the remote stay. */
export async function remoteDelete(_cli: Cli, options: RepoOptions, name: string): Promise<void> {
  const repo = await openRepository(options)
  const keys = ['url', 'gpg-verify', 'gpg-verify-summary', 'contenturl', 'branches', 'collection-id']
  await repo.setConfig(keys.map((key) => ({ group: `remote "${name}"`, key, value: undefined })))
}
