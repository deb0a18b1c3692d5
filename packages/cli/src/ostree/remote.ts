import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { BootcError } from '@bootc-sdk/core'
import { loadSignatures } from '../commands/load-signatures.js'
import { UsageError, type Cli } from '../io.js'
import { openRepository, type RepoOptions } from './repository.js'

interface AddFlags extends RepoOptions {
  readonly gpgVerify: boolean
  readonly gpgImport?: readonly string[]
  /** `TYPE=inline:KEY` or `TYPE=file:PATH` each. */
  readonly signVerify?: readonly string[]
  /** `KEY=VALUE` each. */
  readonly set?: readonly string[]
}

/** `bootc-sdk ostree remote add`: without a flag that says otherwise, commits need an OpenPGP signature. */
export async function remoteAdd(_cli: Cli, options: AddFlags, name: string, url: string): Promise<void> {
  const repo = await openRepository(options)
  const keys = new Map([['url', url]])
  if (!options.gpgVerify) keys.set('gpg-verify', 'false')
  const types: string[] = []
  for (const text of options.signVerify ?? []) {
    const [, type, place, value] = /^(ed25519|spki)=(inline|file):(.+)$/.exec(text) ?? []
    if (type === undefined) throw new UsageError('--sign-verify is TYPE=inline:KEY or TYPE=file:PATH')
    types.push(type)
    keys.set(`verification-${type}-${place === 'inline' ? 'key' : 'file'}`, value!)
  }
  if (types.length > 0) keys.set('sign-verify', [...new Set(types), ''].join(';'))
  for (const text of options.set ?? []) {
    const [, key, value] = /^([a-z0-9-]+)=(.*)$/s.exec(text) ?? []
    if (key === undefined) throw new UsageError('--set is KEY=VALUE')
    keys.set(key, value!)
  }
  const group = `remote "${name}"`
  const keyring = await importKeys(options.gpgImport ?? [])
  if (keyring !== undefined) {
    if (!canBeFileName(name)) throw new UsageError(`a remote cannot be called ${name}`)
    await repo.dir.write(keyringName(name), keyring, { mode: 0o644 })
  }
  await repo.setConfig([...keys].map(([key, value]) => ({ group, key, value })))
}

/** `bootc-sdk ostree remote delete`: refs of the remote stay. */
export async function remoteDelete(_cli: Cli, options: RepoOptions, name: string): Promise<void> {
  const repo = await openRepository(options)
  await repo.setConfig(remoteKeys.map((key) => ({ group: `remote "${name}"`, key, value: undefined })))
  if (canBeFileName(name)) await repo.dir.remove(keyringName(name))
}

const remoteKeys = [
  ...['url', 'contenturl', 'branches', 'collection-id', 'unconfigured-state', 'http2', 'metalink', 'proxy'],
  ...['gpg-verify', 'gpg-verify-summary', 'gpgkeypath', 'sign-verify', 'sign-verify-summary'],
  ...['ed25519', 'spki'].flatMap((type) => [`verification-${type}-key`, `verification-${type}-file`]),
  ...['tls-permissive', 'tls-client-cert-path', 'tls-client-key-path', 'tls-ca-path', 'custom-backend'],
]

const canBeFileName = (remote: string): boolean => !remote.includes('/') && !remote.startsWith('.')

const keyringName = (remote: string): string => `${remote}.trustedkeys.gpg`

/** Keys of files, in binary form as other programs read them too. */
async function importKeys(paths: readonly string[]): Promise<Uint8Array | undefined> {
  if (paths.length === 0) return undefined
  const { binaryOpenPgpKeys } = await loadSignatures()
  const keyrings: Uint8Array[] = []
  for (const path of paths) {
    try {
      keyrings.push(await binaryOpenPgpKeys(await readFile(resolve(path))))
    } catch (cause) {
      throw new BootcError('STORE_OSTREE_KEY', `key of ${path}: ${(cause as Error).message}`, {
        details: { key: path, reason: (cause as Error).message },
        cause,
      })
    }
  }
  return Buffer.concat(keyrings)
}
