import { readFile as readHostFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { nodeDir } from '@bootc-sdk/core/node'
import { BootcError } from '@bootc-sdk/core'
import { isChecksum, maxMetadataBytes, objectName } from '../format/checksum.js'
import { corrupt, unsupported } from '../format/errors.js'
import { isRef } from '../format/names.js'
import { decodeSummary, type Summary } from '../format/summary.js'
import { decodeDict, lookup } from '../format/variant-dict.js'
import type { OstreeRepo, VariantDict } from './api.js'
import { pullDelta, type DeltaServer } from '../delta/pull-delta.js'
import { configFlag, RepoConfig } from './config.js'
import { httpGet, type HttpOptions } from './http-client.js'
import { collect, readFile } from './io.js'
import { openRepo } from './open-repo.js'
import { pullTargets, type PullOptions, type PullResult, type PullTarget } from './pull.js'
import { localSource, type PullSource } from './pull-source.js'
import { remoteProblem, type RemoteConfig } from './remote-config.js'
import { findRemote } from './remotes-dir.js'
import { Repo } from './repo.js'
import { replaceFile } from './staging.js'
import { badSignature } from '../trust/errors.js'
import {
  isAsked,
  openRemoteVerifier,
  type RemoteVerifier,
  type TrustOptions,
} from '../trust/remote-verifier.js'

const maxSmallBytes = 1024 * 1024

/** Checks of signatures in place of those that the remote's configuration asks for. */
export type PullVerifier = RemoteVerifier

export interface PullRemoteOptions extends PullOptions {
  /** Refs or commit checksums; default the remote's `branches`, and with `mirror` everything it has. */
  readonly refs?: readonly string[]
  /** Store refs as heads and copy the summary as it is. */
  readonly mirror?: boolean
  /** `false`: fetch although the configuration asks for signatures. Default: verify what it asks for. */
  readonly verifier?: PullVerifier | false
  /** What verification needs. */
  readonly trust?: TrustOptions
  readonly http?: Pick<HttpOptions, 'timeoutMs' | 'retries' | 'retryDelayMs'>
}

/**
 * Fetch from a configured remote: an archive repository behind HTTP, or a `file:` URL.
 *
 * @throws BootcError `STORE_OSTREE_REMOTE`, `STORE_OSTREE_KEY` for a remote that wants verified what cannot be, before
 *   any request; `STORE_OSTREE_SIGNATURE` before anything is stored; `STORE_OSTREE_FETCH`, `STORE_OSTREE_CORRUPT`, `STORE_OSTREE_NO_OBJECT`, `STORE_OSTREE_NO_REV`,
 *   `STORE_OSTREE_BINDING`
 */
export async function pullRemote(
  repo: OstreeRepo,
  remoteName: string,
  options: PullRemoteOptions = {},
): Promise<PullResult> {
  if (!(repo instanceof Repo)) throw unsupported('pull', 'not a repository of this package')
  const remote = await findRemote(repo, remoteName, options.trust)
  const verifier = await verifierFor(repo, remote, options)
  if (remote.url.startsWith('file:')) return pullFileUrl(repo, remote, verifier, options)
  const server = await Server.open(remote, options)
  const summary = await server.summary(verifier)
  const refs =
    options.refs ?? (options.mirror === true ? summary?.parsed.refs.map(({ ref }) => ref) : remote.branches)
  if (refs === undefined || refs.length === 0) throw remoteProblem(remote.name, 'no refs to fetch')
  const targets: PullTarget[] = []
  for (const name of refs) targets.push(await findTarget(server, summary?.parsed, remote, name, options))
  const { collectionId } = remote
  const source = server.source(summary?.parsed, verifier.delta)
  const result = await pullTargets(repo, source, targets, verifier.commit, {
    ...options,
    ...(collectionId === undefined ? {} : { collectionId }),
  })
  if (options.mirror === true && summary !== undefined) await copySummary(repo, summary)
  return result
}

async function verifierFor(
  repo: OstreeRepo,
  { name, verifies }: RemoteConfig,
  { verifier, trust, staticDeltas }: PullRemoteOptions,
): Promise<RemoteVerifier> {
  if (verifier === false) return {}
  if (verifier === undefined) return openRemoteVerifier(repo, name, trust)
  if (isAsked(verifies.commits) && verifier.commit === undefined) {
    throw remoteProblem(name, 'commits must be verified, and the verifier that was given does not')
  }
  if (isAsked(verifies.summary) && verifier.summary === undefined) {
    throw remoteProblem(name, 'the summary must be verified, and the verifier that was given does not')
  }
  const isDemanded = staticDeltas !== false && configFlag(repo, 'core', 'sign-verify-deltas')
  if (isDemanded && verifier.delta === undefined) {
    throw remoteProblem(name, 'deltas must be verified, and the verifier that was given does not')
  }
  return verifier
}

async function findTarget(
  server: Server,
  summary: Summary | undefined,
  remote: RemoteConfig,
  name: string,
  options: PullRemoteOptions,
): Promise<PullTarget> {
  if (isChecksum(name)) return { commit: name }
  const commit =
    summary === undefined ? await server.ref(name) : findInSummary(summary, name, remote.collectionId)
  if (commit === undefined) {
    throw new BootcError('STORE_OSTREE_NO_REV', `remote ${remote.name} has no ref ${name}`, {
      details: { rev: name },
    })
  }
  return { commit, ref: options.mirror === true ? name : `${remote.name}:${name}`, boundRef: name }
}

/** Refs of the remote's collection may be the main list or one of the further ones. */
function findInSummary(summary: Summary, ref: string, collectionId: string | undefined): string | undefined {
  const own = lookup(summary.metadata, 'ostree.summary.collection-id', 's')
  if (collectionId === undefined || own === undefined || own === collectionId) {
    return summary.refs.find((entry) => entry.ref === ref)?.commit
  }
  const map = summary.metadata.find(([key]) => key === 'ostree.summary.collection-map')?.[1]
  if (map?.type !== 'a{sa(s(taya{sv}))}') return undefined
  const collections = map.value as [string, [string, [bigint, Buffer, VariantDict]][]][]
  const refs = collections.find(([id]) => id === collectionId)?.[1]
  const found = refs?.find(([name]) => name === ref)?.[1][1].toString('hex')
  return found !== undefined && isChecksum(found) ? found : undefined
}

interface FetchedSummary {
  readonly bytes: Uint8Array
  readonly signature: Uint8Array | undefined
  readonly parsed: Summary
}

class Server {
  readonly #remote: RemoteConfig
  readonly #base: string
  readonly #content: string
  readonly #http: HttpOptions

  private constructor(remote: RemoteConfig, base: string, content: string, http: HttpOptions) {
    this.#remote = remote
    this.#base = base
    this.#content = content
    this.#http = http
  }

  static async open(remote: RemoteConfig, options: PullRemoteOptions): Promise<Server> {
    const http = { ...options.http, signal: options.signal, tls: await readTls(remote) }
    const bases = await findBases(remote, http)
    for (const [index, base] of bases.entries()) {
      try {
        const content = remote.contentUrl === remote.url ? base : trim(remote.contentUrl)
        const server = new Server(remote, base, content, http)
        await server.#checkConfig()
        return server
      } catch (error) {
        options.signal?.throwIfAborted()
        if (index === bases.length - 1) throw error
      }
    }
    throw remoteProblem(remote.name, 'its list of mirrors is empty')
  }

  async summary(verifier: RemoteVerifier): Promise<FetchedSummary | undefined> {
    const signature = await this.#get(`${this.#base}/summary.sig`, maxMetadataBytes)
    const bytes = await this.#get(`${this.#base}/summary`, maxMetadataBytes)
    return checkedSummary(this.#remote, verifier, bytes, signature)
  }

  async ref(name: string): Promise<string | undefined> {
    if (!isRef(name)) return undefined
    const bytes = await this.#get(`${this.#base}/refs/heads/${encodeURI(name)}`, 4096)
    const text = bytes?.toString('latin1').trimEnd()
    if (text !== undefined && !isChecksum(text))
      throw corrupt(`ref ${name} from ${this.#remote.name}`, 'no checksum')
    return text
  }

  source(summary: Summary | undefined, verify: RemoteVerifier['delta']): PullSource {
    const deltas: DeltaServer = {
      name: `remote ${this.#remote.name}`,
      get: (path, maxBytes) => this.#get(`${this.#content}/${path.replaceAll('+', '%2B')}`, maxBytes),
      summary,
      verify,
    }
    const object = (name: string) => `${this.#content}/objects/${name}`
    return {
      name: `remote ${this.#remote.name}`,
      mode: 'archive',
      metadata: (type, checksum) =>
        this.#get(object(objectName(type, checksum, 'archive')), maxMetadataBytes),
      detached: async (commit) => {
        const name = objectName('commitmeta', commit, 'archive')
        const bytes = await this.#get(object(name), maxMetadataBytes)
        return bytes === undefined ? undefined : decodeDict(bytes, `${name} from ${this.#remote.name}`)
      },
      delta: (into, commit, options) => pullDelta(into, deltas, commit, options),
      rawFile: (checksum, consume) =>
        httpGet(object(objectName('file', checksum, 'archive')), consume, this.#http),
    }
  }

  async #checkConfig(): Promise<void> {
    const text = await this.#get(`${this.#base}/config`, maxSmallBytes)
    if (text === undefined) throw remoteProblem(this.#remote.name, 'no repository at its url')
    const mode = new RepoConfig(text.toString('utf8')).mode()
    if (mode !== 'archive')
      throw remoteProblem(this.#remote.name, `serves a ${mode} repository, not an archive`)
  }

  #get(url: string, maxBytes: number): Promise<Buffer | undefined> {
    return httpGet(url, (body) => collect(body, maxBytes, url), this.#http)
  }
}

async function findBases(remote: RemoteConfig, http: HttpOptions): Promise<string[]> {
  const list = /^mirrorlist=(.*)$/.exec(remote.url)?.[1]
  const urls = list === undefined ? [remote.url] : await readMirrors(list, http)
  for (const url of urls) {
    if (!/^https?:\/\//.test(url))
      throw remoteProblem(remote.name, `url ${url} is neither http, https nor file`)
  }
  return urls.map(trim)
}

async function readMirrors(url: string, http: HttpOptions): Promise<string[]> {
  const text = await httpGet(url, (body) => collect(body, maxSmallBytes, url), http)
  const lines = (text?.toString('utf8') ?? '').split('\n').map((line) => line.trim())
  return lines.filter((line) => /^https?:\/\//.test(line))
}

async function readTls({ name, tls }: RemoteConfig): Promise<NonNullable<HttpOptions['tls']>> {
  const read = async (path: string | undefined) =>
    path === undefined
      ? undefined
      : readHostFile(path).catch((error: Error) => {
          throw remoteProblem(name, `${path} cannot be read: ${error.message}`)
        })
  const [ca, cert, key] = [
    await read(tls.caPath),
    await read(tls.clientCertPath),
    await read(tls.clientKeyPath),
  ]
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.permissive ? { rejectUnauthorized: false } : {}),
  }
}

async function pullFileUrl(
  repo: Repo,
  remote: RemoteConfig,
  verifier: RemoteVerifier,
  options: PullRemoteOptions,
): Promise<PullResult> {
  const source = await openRepo(nodeDir(pathOf(remote)))
  const isWanted = verifier.summary !== undefined || options.mirror === true
  const fetched = isWanted ? await summaryOf(source, remote, verifier) : undefined
  // As elsewhere; a mirror's refs may be what is there.
  const summary = verifier.summary === undefined ? undefined : fetched?.parsed
  const heads = async () =>
    summary?.refs.map(({ ref }) => ref) ??
    [...(await source.listRefs()).keys()].filter((ref) => !ref.includes(':'))
  const refs = options.refs ?? (options.mirror === true ? await heads() : remote.branches)
  if (refs.length === 0) throw remoteProblem(remote.name, 'no refs to fetch')
  const targets: PullTarget[] = []
  for (const name of refs) {
    const commit =
      summary === undefined || isChecksum(name)
        ? await source.resolveRev(name)
        : findInSummary(summary, name, remote.collectionId)
    if (commit === undefined) {
      throw new BootcError('STORE_OSTREE_NO_REV', `remote ${remote.name} has no ref ${name}`, {
        details: { rev: name },
      })
    }
    if (isChecksum(name)) targets.push({ commit })
    else {
      const ref = options.mirror === true ? name : `${remote.name}:${name}`
      targets.push({ commit, ref, boundRef: name })
    }
  }
  const { collectionId } = remote
  const result = await pullTargets(repo, localSource(source, false), targets, verifier.commit, {
    ...options,
    ...(collectionId === undefined ? {} : { collectionId }),
  })
  if (options.mirror === true && fetched !== undefined) await copySummary(repo, fetched)
  return result
}

function pathOf({ name, url }: RemoteConfig): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw remoteProblem(name, `url ${url} names no directory of this machine`)
  }
}

async function summaryOf(
  { dir }: OstreeRepo,
  remote: RemoteConfig,
  verifier: RemoteVerifier,
): Promise<FetchedSummary | undefined> {
  const bytes = await readFile(dir, 'summary', maxMetadataBytes)
  const signature = await readFile(dir, 'summary.sig', maxMetadataBytes)
  return checkedSummary(remote, verifier, bytes, signature)
}

async function checkedSummary(
  remote: RemoteConfig,
  verifier: RemoteVerifier,
  bytes: Buffer | undefined,
  signature: Buffer | undefined,
): Promise<FetchedSummary | undefined> {
  if (bytes === undefined) {
    if (verifier.summary !== undefined) throw noSummary(remote)
    return undefined
  }
  await verifier.summary?.(bytes, signature)
  return { bytes, signature, parsed: decodeSummary(bytes, `summary from ${remote.name}`) }
}

function noSummary({ name }: RemoteConfig): BootcError {
  return badSignature('summary', 'there is no summary, which must be verified', name)
}

async function copySummary({ dir }: Repo, { bytes, signature }: FetchedSummary): Promise<void> {
  await replaceFile(dir, 'summary', bytes)
  if (signature === undefined) await dir.remove('summary.sig')
  else await replaceFile(dir, 'summary.sig', signature)
}

function trim(url: string): string {
  return url.replace(/\/+$/, '')
}
