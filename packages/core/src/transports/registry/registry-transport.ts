import type { ImageSignature, PullSource } from '../../containers-conf/index.js'
import type { Bytes, Warning } from '../../interfaces/common.js'
import type {
  BlobSource,
  ImageTransport,
  ResolvedImage,
  SignaturesOptions,
} from '../../interfaces/transport.js'
import { parseRegistryName, verifyDigest } from '../../oci/index.js'
import { printImageReference } from '../../oci/parse-reference.js'
import type { ImageDestination } from '../../interfaces/destination.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor } from '../../oci/types.js'
import { registryDestination } from '../destinations/registry-destination.js'
import { resolveImage } from '../resolve-image.js'
import { readAttachments } from './attachments.js'
import type { CredentialSource } from './credentials.js'
import { isLoopback, undiciClient } from './http.js'
import type { HttpClient, HttpOptions, TlsOptions } from './http.js'
import { located } from '../located-error.js'
import { readLookaside } from './lookaside.js'
import { PartialBlobs } from './partial-blobs.js'
import type { PartialBlobsOptions } from './partial-blobs.js'
import { proxyRules, proxySettings } from './proxy-rules.js'
import type { ProxyRules, ProxySettings } from './proxy-rules.js'
import { blocked, firstServed } from './pull-sources.js'
import { limited, rateLimit } from './rate-limit.js'
import type { RateLimit } from './rate-limit.js'
import { RegistryClient } from './registry-client.js'
import type { RegistryConfiguration } from './registry-configuration.js'
import { registryDocuments } from './registry-documents.js'
import { registryLayer } from './registry-layer.js'
import { askDigest, openRaw } from './registry-questions.js'
import type { RegistryAccess } from './registry-questions.js'
import { systemTiming } from './retry.js'
import type { Timing } from './retry.js'
import { listTags } from './tags.js'
import type { ListTagsOptions } from './tags.js'

export interface RegistryTransportOptions {
  /** Default: anonymous. `ostreeCredentials()` finds them as bootc does. */
  readonly credentials?: CredentialSource
  /**
   * Hosts (`host[:port]`) whose certificates are not checked and that may be talked to over plain HTTP when
   * HTTPS fails. `false`: none at all, `true`: every host, whatever `configuration` says. A function (default:
   * loopback addresses only) is asked about hosts that the configuration has no table for.
   */
  readonly insecure?: boolean | ((host: string) => boolean)
  /** CA and client certificates by registry, in addition to those of `configuration`. */
  readonly tls?: HttpOptions['tls']
  /**
   * Mirrors, rewriting, blocked registries, certificates and places of signatures; asked once for each image.
   * `hostConfiguration()` is that of this machine. Default: none.
   */
  readonly configuration?: (() => Promise<RegistryConfiguration>) | undefined
  /**
   * Default: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the process. A URL is the proxy for everything but
   * loopback addresses; `false`: none.
   */
  readonly proxy?: string | false | ProxySettings
  /** Default `bootc-sdk`. */
  readonly userAgent?: string
  /** How often opening a layer is repeated after a passing failure; default 3. */
  readonly layerRetries?: number
  /** The same for manifests and configs; default 0. */
  readonly documentRetries?: number
  /** Fetch layers from the `urls` of their descriptors when the registry does not have them; default no. */
  readonly foreignLayers?: boolean
  /** Keep what came of layers whose transfer broke off, for the next pull; default no. */
  readonly partialBlobs?: PartialBlobsOptions | undefined
  /** For all layers together, in each direction; default: no limit. */
  readonly bandwidthBytesPerSecond?: number | undefined
  /** Default 30 s. */
  readonly connectTimeoutMs?: number
  /** A response that brings nothing for so long counts as broken; default 60 s. */
  readonly stallTimeoutMs?: number
  /** Clock, waiting and jitter, for tests. */
  readonly timing?: Timing
  /** For tests. */
  readonly http?: HttpClient
}

export interface RegistryTransport extends ImageTransport {
  /** To write images, with the same connections, tokens and settings. */
  readonly destination: ImageDestination
  /**
   * Tags of the repository that a reference names, asked of its own registry and not of mirrors.
   * @throws `TRANSPORT_*`
   */
  tags(reference: ImageReference, options?: ListTagsOptions): Promise<string[]>
  close(): Promise<void>
}

/**
 * `docker://HOST/REPOSITORY[:TAG][@DIGEST]`: images from a registry that speaks the OCI distribution API.
 * Tag and digest together mean the digest. Nothing is loaded or connected before the first `resolve`.
 *
 * @see OCI distribution-spec 1.1.1
 */
export function registryTransport(options: RegistryTransportOptions = {}): RegistryTransport {
  const registry = new Registry(options)
  return {
    name: 'registry',
    transports: ['registry'],
    supports: { range: true, localTree: false },
    resolve: (reference, resolveOptions = {}) => registry.resolve(reference, resolveOptions),
    openLayer: (image, layer, openOptions = {}) => registry.openLayer(image, layer, openOptions),
    forgetLayer: (layer) => registry.forgetLayer(layer),
    signatures: (image, signatureOptions = {}) => registry.signatures(image, signatureOptions),
    openRaw: (reference, rawOptions = {}) => openRaw(registry, reference, rawOptions),
    askDigest: (reference, askOptions = {}) => askDigest(registry, reference, askOptions),
    tags: (reference, tagOptions) => registry.tags(reference, tagOptions),
    destination: registry.destination(),
    close: () => registry.close(),
  }
}

type ResolveOptions = NonNullable<Parameters<ImageTransport['resolve']>[1]>
type OpenOptions = NonNullable<Parameters<ImageTransport['openLayer']>[2]>

class Registry implements RegistryAccess {
  readonly #options: RegistryTransportOptions
  readonly timing: Timing
  readonly retries: number
  readonly #http: HttpClient
  readonly #insecure: (host: string) => boolean
  readonly #clients = new Map<string, RegistryClient>()
  /** Down and up. */
  readonly #limit: RateLimit | undefined
  readonly #kept: PartialBlobs | undefined
  readonly #uploadLimit: RateLimit | undefined

  constructor(options: RegistryTransportOptions) {
    const { insecure = isLoopback } = options
    this.#options = options
    this.retries = options.documentRetries ?? 0
    this.timing = options.timing ?? systemTiming
    const { bandwidthBytesPerSecond: bandwidth } = options
    const limit = () => (bandwidth === undefined ? undefined : rateLimit(bandwidth, this.timing))
    this.#limit = limit()
    this.#uploadLimit = limit()
    this.#kept = options.partialBlobs && new PartialBlobs(options.partialBlobs)
    this.#insecure = typeof insecure === 'function' ? insecure : () => insecure
    this.#http =
      options.http ??
      undiciClient({
        insecure: this.#insecure,
        tls: (registry) => this.#tls(registry),
        proxy: lazyRules(options.proxy),
        connectTimeoutMs: options.connectTimeoutMs ?? 30_000,
        stallTimeoutMs: options.stallTimeoutMs ?? 60_000,
      })
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async resolve(reference: ImageReference, options: ResolveOptions): Promise<ResolvedImage> {
    const warnings: Warning[] = []
    const printed = printImageReference(reference)
    const reading = { ...options, printed, retries: this.retries, timing: this.timing, warnings }
    const { source, served } = await firstServed(
      await this.sources(reference.name),
      async (one) => {
        const { registry, tag, digest } = parseRegistryName(one.name)
        try {
          const { repository, client } = this.place(one)
          const documents = registryDocuments(client, repository, reading)
          const top = await documents.manifest(digest ?? tag ?? 'latest')
          // A mirror that lies is as good as none.
          if (digest !== undefined) verifyDigest(top.bytes, digest)
          return { documents, top, digest, registry }
        } catch (error) {
          throw located(error, { host: registry, reference: printed })
        }
      },
      options.signal,
    )
    const { documents, top, digest, registry: host } = served
    const image = await resolveImage(
      {
        reference,
        top,
        ...(digest === undefined ? {} : { topDigest: digest }),
        readManifest: (descriptor) => documents.manifest(descriptor.digest),
        readConfig: (descriptor) => documents.config(descriptor.digest),
      },
      options.platform ? { platform: options.platform } : {},
    ).catch((error: unknown) => {
      throw located(error, { host, reference: printed })
    })
    const all = [...distinct(warnings), ...(image.warnings ?? [])]
    return { ...image, ...servedBy(source), ...(all.length === 0 ? {} : { warnings: all }) }
  }

  async sources(name: string): Promise<readonly PullSource[]> {
    const conf = await this.#options.configuration?.()
    return conf?.sources(name) ?? [{ name, insecure: undefined, kind: 'primary' }]
  }

  async tags(reference: ImageReference, options?: ListTagsOptions): Promise<string[]> {
    const { name, client } = await this.placeForPush(reference)
    return listTags(client, parseRegistryName(name).repository, options)
  }

  /** Detached ones first, then those beside the image. */
  async signatures(
    image: ResolvedImage,
    { signal, attachments }: SignaturesOptions,
  ): Promise<readonly ImageSignature[]> {
    const conf = await this.#options.configuration?.()
    const source = image.servedBy ?? image.reference
    const { repository, client } = this.place(source)
    const storage = conf?.signatureStorage?.(source.name) ?? {}
    const digest = image.index?.digest ?? image.manifestDigest
    const detached = await readLookaside(this.#http, {
      base: storage.lookaside,
      repository,
      digest,
      endpoint: client.endpoint,
      userAgent: this.#userAgent,
      signal,
    })
    if (storage.useSigstoreAttachments !== true && attachments !== true) return detached
    return [
      ...detached,
      ...(await readAttachments(client, repository, digest, { signal, both: attachments })),
    ]
  }

  openLayer(
    { reference, servedBy: source = reference }: Pick<ResolvedImage, 'reference' | 'servedBy'>,
    layer: Descriptor,
    options: OpenOptions,
  ): BlobSource {
    const { repository, client } = this.place(source)
    const { layerRetries = 3, foreignLayers } = this.#options
    const limit = this.#limit
    const layerSource = {
      client,
      repository,
      http: this.#http,
      timing: this.timing,
      printed: printImageReference(reference),
      host: client.registry,
      retries: layerRetries,
      foreign: foreignLayers === true ? { insecure: this.#insecure } : undefined,
      kept: this.#kept,
      limit: (bytes: Bytes) => (limit === undefined ? bytes : limited(bytes, limit, options.signal)),
    }
    const bytes = registryLayer(layerSource, layer, options)
    return Object.assign(bytes, { release: (chunk: Uint8Array) => this.#http.release?.(chunk) })
  }

  async forgetLayer({ digest }: Descriptor): Promise<void> {
    await this.#kept?.drop(digest)
  }

  /** Nothing is written to mirrors or rewritten names. @throws `TRANSPORT_BLOCKED` */
  async placeForPush({ name }: ImageReference): Promise<{ name: string; client: RegistryClient }> {
    const conf = await this.#options.configuration?.()
    const target = conf?.target(name) ?? { name, insecure: undefined }
    if ('blockedBy' in target) throw blocked(target)
    return { name, client: this.place(target).client }
  }

  destination(): ImageDestination {
    const options = { timing: this.timing, limit: this.#uploadLimit }
    return registryDestination((target) => this.placeForPush(target), options)
  }

  get #userAgent(): string {
    return this.#options.userAgent ?? 'bootc-sdk'
  }

  /** @param source physical name; `insecure` as its table has it */
  place({ name, insecure: stated }: { readonly name: string; readonly insecure?: boolean | undefined }): {
    readonly repository: string
    readonly client: RegistryClient
  } {
    const { registry, repository } = parseRegistryName(name)
    const { insecure: asked } = this.#options
    const insecure = typeof asked === 'boolean' ? asked : (stated ?? this.#insecure(registry))
    // One host may be listed both as a mirror that is secure and as one that is not.
    const key = `${registry} ${insecure}`
    let client = this.#clients.get(key)
    if (!client) {
      const { credentials } = this.#options
      client = new RegistryClient(registry, {
        http: this.#http,
        timing: this.timing,
        userAgent: this.#userAgent,
        credentials,
        insecure,
      })
      this.#clients.set(key, client)
    }
    return { repository, client }
  }

  async #tls(registry: string): Promise<TlsOptions | undefined> {
    const { tls, configuration } = this.#options
    const own = await tls?.(registry)
    const found = await (await configuration?.())?.certificates?.(registry)
    if (own === undefined || found === undefined) return own ?? found
    return { ...found, ...own, ca: [...(found.ca ?? []), ...(own.ca ?? [])] }
  }
}

/** What is wrong with a proxy is told by the first request. */
function lazyRules(proxy: RegistryTransportOptions['proxy']): ProxyRules {
  let rules: ProxyRules | undefined
  const settings = (): ProxySettings => {
    if (proxy === false) return {}
    return typeof proxy === 'string' ? { http: proxy, https: proxy } : (proxy ?? proxySettings())
  }
  return (url) => (rules ??= proxyRules(settings()))(url)
}

/** Nothing where no table is about the name: it is fetched as it stands. */
function servedBy({ name, insecure }: PullSource): Pick<ResolvedImage, 'servedBy'> {
  return insecure === undefined ? {} : { servedBy: { name, insecure } }
}

function distinct(warnings: readonly Warning[]): Warning[] {
  return [...new Map(warnings.map((warning) => [warning.message, warning])).values()]
}
