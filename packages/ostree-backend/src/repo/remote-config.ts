import { BootcError } from '@bootc-sdk/core'
import { signTypes, type SignType } from '../format/signatures.js'
import type { RepoConfig } from './config.js'

/** `[remote "NAME"]` of a repository's config. */
export interface RemoteConfig {
  readonly name: string
  readonly url: string
  readonly contentUrl: string
  readonly branches: readonly string[]
  readonly collectionId: string | undefined
  /** Checks of commits and of the summary that the configuration asks for. */
  readonly verifies: {
    readonly commits: AskedSignatures
    readonly summary: AskedSignatures
    /** Engines that are demanded by name, so that there must be a key for each. */
    readonly named: readonly SignType[]
  }
  /** Files and directories of OpenPGP keys. */
  readonly gpgKeyPaths: readonly string[]
  /** A key in the configuration itself, and a file of keys. */
  readonly keys: Readonly<Record<SignType, { readonly inline?: string; readonly file?: string }>>
  readonly tls: {
    readonly permissive: boolean
    readonly clientCertPath: string | undefined
    readonly clientKeyPath: string | undefined
    readonly caPath: string | undefined
  }
}

/** Signatures that something must have: one of OpenPGP, and one of any of the engines. */
export interface AskedSignatures {
  readonly openpgp: boolean
  readonly engines: readonly SignType[]
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
  const commitEngines = enginesOf(get('sign-verify'), name)
  const summaryEngines = enginesOf(get('sign-verify-summary'), name)
  const keysOf = (type: SignType) => {
    const [inline, file] = [get(`verification-${type}-key`), get(`verification-${type}-file`)]
    return { ...(inline === undefined ? {} : { inline }), ...(file === undefined ? {} : { file }) }
  }
  return {
    name,
    url,
    contentUrl: get('contenturl') ?? url,
    branches: config.list(group, 'branches') ?? [],
    collectionId: get('collection-id'),
    verifies: {
      commits: { openpgp: config.bool(group, 'gpg-verify', true), engines: commitEngines.types },
      summary: { openpgp: config.bool(group, 'gpg-verify-summary', false), engines: summaryEngines.types },
      named: [...new Set([...commitEngines.named, ...summaryEngines.named])],
    },
    gpgKeyPaths: (get('gpgkeypath') ?? '').split(/[;,]/).filter((path) => path !== ''),
    keys: { ed25519: keysOf('ed25519'), spki: keysOf('spki') },
    tls: {
      permissive: config.bool(group, 'tls-permissive', false),
      clientCertPath: get('tls-client-cert-path'),
      clientKeyPath: get('tls-client-key-path'),
      caPath: get('tls-ca-path'),
    },
  }
}

/** A boolean, where `true` means any engine that there are keys for, or a list of engines. */
function enginesOf(
  text: string | undefined,
  remote: string,
): { readonly types: readonly SignType[]; readonly named: readonly SignType[] } {
  if (text === undefined || text === '' || text === 'false' || text === '0') return { types: [], named: [] }
  if (text === 'true' || text === '1') return { types: signTypes, named: [] }
  const names = text.split(/[;,]/).filter((name) => name !== '')
  const types = names.map((name) => {
    const type = signTypes.find((each) => each === name)
    if (type === undefined)
      throw remoteProblem(remote, `signatures of type ${JSON.stringify(name)} are unknown`)
    return type
  })
  if (types.length === 0) throw remoteProblem(remote, 'its list of types of signatures is empty')
  return { types, named: types }
}
