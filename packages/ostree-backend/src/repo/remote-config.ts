import { BootcError } from '@bootc-sdk/core'
import type { RepoConfig } from './config.js'

/** `[remote "NAME"]` of a repository's config. */
export interface RemoteConfig {
  readonly name: string
  readonly url: string
  readonly contentUrl: string
  readonly branches: readonly string[]
  readonly collectionId: string | undefined
  /** Checks of commits and of the summary that the configuration asks for. */
  readonly verifies: { readonly commits: boolean; readonly summary: boolean }
  readonly tls: {
    readonly permissive: boolean
    readonly clientCertPath: string | undefined
    readonly clientKeyPath: string | undefined
    readonly caPath: string | undefined
  }
}

export function remoteProblem(remote: string, reason: string): BootcError<'STORE_OSTREE_REMOTE'> {
  return new BootcError('STORE_OSTREE_REMOTE', `remote ${remote}: ${reason}`, { details: { remote, reason } })
}

/** @throws BootcError `STORE_OSTREE_REMOTE` when it is not there or needs what is not built in */
export function readRemote(config: RepoConfig, name: string): RemoteConfig {
  const group = `remote "${name}"`
  const get = (key: string) => config.get(group, key)
  if (!config.remotes().includes(name)) throw remoteProblem(name, 'not configured')
  const unconfigured = get('unconfigured-state')
  if (unconfigured !== undefined) throw remoteProblem(name, unconfigured)
  for (const key of ['metalink', 'custom-backend', 'proxy']) {
    if (get(key) !== undefined) throw remoteProblem(name, `${key} is not supported`)
  }
  const url = get('url')
  if (url === undefined) throw remoteProblem(name, 'has no url')
  const signs = (key: string) => {
    const text = get(key)
    return text !== undefined && text !== 'false' && text !== '0'
  }
  return {
    name,
    url,
    contentUrl: get('contenturl') ?? url,
    branches: config.list(group, 'branches') ?? [],
    collectionId: get('collection-id'),
    verifies: {
      commits: config.bool(group, 'gpg-verify', true) || signs('sign-verify'),
      summary: config.bool(group, 'gpg-verify-summary', false) || signs('sign-verify-summary'),
    },
    tls: {
      permissive: config.bool(group, 'tls-permissive', false),
      clientCertPath: get('tls-client-cert-path'),
      clientKeyPath: get('tls-client-key-path'),
      caPath: get('tls-ca-path'),
    },
  }
}
