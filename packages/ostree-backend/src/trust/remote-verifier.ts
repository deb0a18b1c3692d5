import { signaturesIn, signTypes, type SignType } from '../format/signatures.js'
import { decodeDict } from '../format/variant-dict.js'
import type { OstreeRepo, VariantDict } from '../repo/api.js'
import { configFlag } from '../repo/config.js'
import { remoteProblem, type AskedSignatures, type RemoteConfig } from '../repo/remote-config.js'
import { findRemote, remotesDirOf } from '../repo/remotes-dir.js'
import { checkSignatures } from './check-signatures.js'
import { badSignature } from './errors.js'
import { loadSystemKeys, readKeyFile, systemKeyDirs, type KeySet } from './key-files.js'
import { publicKeyOfText, publicKeysOfFile, type PublicKey } from './keys.js'
import { remoteKeyrings, type OpenPgpCheck } from './openpgp.js'

export interface TrustOptions {
  /** OpenPGP, loaded when a signature is to be verified. Without it, remotes with `gpg-verify` are refused. */
  readonly openpgp?: () => Promise<OpenPgpCheck>
  /** Root directory whose `etc/ostree` and `usr/share/ostree` hold the system's keys. Default `/`. */
  readonly systemRoot?: string
  /** What commits must have, in place of what the configuration says. */
  readonly commits?: Partial<AskedSignatures>
}

/** What a remote's configuration demands of what comes from it. Each throws `STORE_OSTREE_SIGNATURE`. */
export interface RemoteVerifier {
  /** Present when commits are to be verified. */
  readonly commit?: (checksum: string, bytes: Uint8Array, detached: VariantDict | undefined) => Promise<void>
  /** Present when the summary is. @param signature content of `summary.sig` */
  readonly summary?: (bytes: Uint8Array, signature: Uint8Array | undefined) => Promise<void>
  /** Present when the repository wants deltas verified (`core.sign-verify-deltas`). */
  readonly delta?: (what: string, bytes: Uint8Array, signatures: VariantDict | undefined) => Promise<void>
}

/**
 * The checks that a remote asks for: `gpg-verify`, `sign-verify` and the same for the summary. All kinds that are on
 * must find a good signature; of the engines of `sign-verify`, one must.
 *
 * @throws BootcError `STORE_OSTREE_REMOTE` when the remote is not configured or what it asks for cannot be done here,
 *   `STORE_OSTREE_KEY` for keys of its configuration that cannot be used
 * @see ostree 2026.4 src/libostree/ostree-repo-pull-verify.c
 */
export async function openRemoteVerifier(
  repo: OstreeRepo,
  remoteName: string,
  options: TrustOptions = {},
): Promise<RemoteVerifier> {
  const remote = await findRemote(repo, remoteName, options)
  const deltas = configFlag(repo, 'core', 'sign-verify-deltas')
  const { summary } = remote.verifies
  const commits = { ...remote.verifies.commits, ...options.commits }
  const keys = new Keys(repo, remote, options)
  // What is wrong with the configuration is told before anything is fetched.
  if ((commits.openpgp || summary.openpgp) && options.openpgp === undefined) {
    throw remoteProblem(remote.name, 'asks for OpenPGP signatures, and nothing that verifies them was given')
  }
  if (commits.openpgp || summary.openpgp) await keys.keyrings()
  for (const type of new Set([...commits.engines, ...summary.engines])) await keys.configured(type)
  return {
    ...(isAsked(commits)
      ? {
          commit: (checksum, bytes, detached) => keys.check(`commit ${checksum}`, bytes, detached, commits),
        }
      : {}),
    ...(isAsked(summary)
      ? {
          summary: (bytes, signature) => {
            const dict = signature === undefined ? undefined : decodeDict(signature, 'summary.sig')
            return keys.check('summary', bytes, dict, summary)
          },
        }
      : {}),
    ...(deltas
      ? {
          delta: (what, bytes, signatures) => {
            const engines = commits.engines.length > 0 ? commits.engines : signTypes
            return keys.check(what, bytes, signatures, { openpgp: false, engines })
          },
        }
      : {}),
  }
}

export function isAsked({ openpgp, engines }: AskedSignatures): boolean {
  return openpgp || engines.length > 0
}

/** Keys of a remote, loaded once. */
class Keys {
  readonly #repo: OstreeRepo
  readonly #remote: RemoteConfig
  readonly #options: TrustOptions
  readonly #systemRoot: string
  readonly #sets = new Map<SignType, Promise<KeySet>>()
  #keyrings: Promise<Uint8Array[]> | undefined

  constructor(repo: OstreeRepo, remote: RemoteConfig, options: TrustOptions) {
    this.#repo = repo
    this.#remote = remote
    this.#options = options
    this.#systemRoot = options.systemRoot ?? '/'
  }

  async check(
    what: string,
    bytes: Uint8Array,
    dict: VariantDict | undefined,
    asked: AskedSignatures,
  ): Promise<void> {
    const { name } = this.#remote
    if (dict === undefined) throw badSignature(what, 'there is no signature', name)
    if (asked.openpgp) {
      const signatures = signaturesIn(dict, 'openpgp')
      if (signatures.length === 0) throw badSignature(what, 'there is no OpenPGP signature', name)
      const check = await this.#options.openpgp!()
      const { signer, problems } = await check(bytes, signatures, await this.keyrings())
      if (signer === undefined)
        throw badSignature(what, problems.join('; ') || 'no good OpenPGP signature', name)
    }
    if (asked.engines.length > 0) {
      const problem = await checkSignatures(bytes, dict, asked.engines, (type) => this.#keySet(type))
      if (problem !== undefined) throw badSignature(what, problem, name)
    }
  }

  keyrings(): Promise<Uint8Array[]> {
    return (this.#keyrings ??= remoteKeyrings(this.#repo, this.#remote, {
      remotesDir: remotesDirOf(this.#repo, this.#systemRoot),
      systemRoot: this.#systemRoot,
    }))
  }

  /** Keys of the remote's own; none of a type that it demands by name is an error. */
  async configured(type: SignType): Promise<readonly PublicKey[]> {
    const { name, keys, verifies } = this.#remote
    const { inline, file } = keys[type]
    const found: PublicKey[] = []
    if (file !== undefined) found.push(...publicKeysOfFile(type, await readKeyFile(file), file))
    if (inline !== undefined) {
      found.push(publicKeyOfText(type, inline, `remote ${name}, verification-${type}-key`))
    }
    if (found.length === 0 && verifies.named.includes(type)) {
      throw remoteProblem(name, `asks for signatures of type ${type}, and has no key for it`)
    }
    return found
  }

  #keySet(type: SignType): Promise<KeySet> {
    let set = this.#sets.get(type)
    if (set === undefined) this.#sets.set(type, (set = this.#load(type)))
    return set
  }

  async #load(type: SignType): Promise<KeySet> {
    const own = await this.configured(type)
    const { trusted, revoked } = await loadSystemKeys(type, systemKeyDirs(this.#systemRoot))
    // Keys of the system stand in where the remote has none; what the system revokes is revoked for all.
    return { trusted: own.length > 0 ? own : trusted, revoked }
  }
}
