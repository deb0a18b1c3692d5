import type { PullSource } from '../../containers-conf/index.js'
import { isBootcError } from '../../errors.js'
import type { Bytes, Digest, OpOptions } from '../../interfaces/common.js'
import type { RawImage } from '../../interfaces/raw-image.js'
import type { ImageTransport, ResolvedImage } from '../../interfaces/transport.js'
import {
  choosePlatform,
  hostPlatform,
  isDigest,
  isIndexMediaType,
  isManifestMediaType,
  manifestAccept,
  parseIndex,
  parseRegistryName,
  printImageReference,
} from '../../oci/index.js'
import type { ImageReference } from '../../oci/reference.js'
import type { Descriptor, Platform } from '../../oci/types.js'
import { rawDocument } from '../raw-document.js'
import { singleHeader } from './http.js'
import { firstServed } from './pull-sources.js'
import { listReferrers } from './referrers.js'
import type { RegistryClient } from './registry-client.js'
import { registryDocuments } from './registry-documents.js'
import type { RegistryDocuments } from './registry-documents.js'
import type { Timing } from './retry.js'

type BlobOptions = Parameters<ImageTransport['openLayer']>[2]

/** What answering takes. */
export interface RegistryAccess {
  readonly timing: Timing
  readonly retries: number
  /** Where a name is looked for, in order. */
  sources(name: string): Promise<readonly PullSource[]>
  place(source: Pick<PullSource, 'name' | 'insecure'>): {
    readonly repository: string
    readonly client: RegistryClient
  }
  openLayer(
    image: Pick<ResolvedImage, 'reference' | 'servedBy'>,
    layer: Descriptor,
    options: NonNullable<BlobOptions>,
  ): Bytes
}

/** Everything that a reference names. @throws what resolving throws */
export async function openRaw(
  access: RegistryAccess,
  reference: ImageReference,
  { signal }: OpOptions,
): Promise<RawImage> {
  const { source, served } = await firstServed(
    await access.sources(reference.name),
    async (one) => {
      const { tag, digest } = parseRegistryName(one.name)
      const place = access.place(one)
      const documents = documentsOf(access, place, reference, { signal })
      const top = rawDocument(await documents.manifest(digest ?? tag ?? 'latest'), digest && { digest })
      return { ...place, top }
    },
    signal,
  )
  const { client, repository, top } = served
  const { name, insecure } = source
  const image = { reference, ...(insecure === undefined ? {} : { servedBy: { name, insecure } }) }
  const documents = (options: OpOptions) => documentsOf(access, served, reference, options)
  return {
    ...image,
    top,
    document: async ({ digest, size }, options = {}) =>
      rawDocument(await documents(options).manifest(digest), { digest, size }),
    blob: (descriptor, options = {}) => access.openLayer(image, descriptor, options),
    referrers: (digest, options) => listReferrers(client, repository, digest, options),
    async tagged(tag, options = {}) {
      try {
        return rawDocument(await documents(options).manifest(tag))
      } catch (error) {
        if (isBootcError(error, 'TRANSPORT_NOT_FOUND')) return undefined
        throw error
      }
    },
  }
}

/**
 * The manifest that a reference means for a platform, from one HEAD (and the index, where it names one). What the
 * registry says is not checked here: it is good for comparing with what is known already.
 *
 * @returns undefined where the registry does not say
 * @throws `TRANSPORT_*` where it does not answer
 */
export async function askDigest(
  access: RegistryAccess,
  reference: ImageReference,
  options: OpOptions & { readonly platform?: Platform },
): Promise<Digest | undefined> {
  const { signal } = options
  const { served } = await firstServed(
    await access.sources(reference.name),
    async (one) => {
      const { repository, client } = access.place(one)
      const { tag, digest } = parseRegistryName(one.name)
      const path = `manifests/${digest ?? tag ?? 'latest'}`
      const head = await client.get(repository, path, { method: 'HEAD', accept: manifestAccept, signal })
      await head.discard()
      // The answer to HEAD has no body that says why; GET will.
      if (head.status !== 200) return { answer: undefined }
      const told = singleHeader(head, 'docker-content-digest')
      const type = singleHeader(head, 'content-type')?.split(';')[0]!.trim() ?? ''
      if (told === undefined || !isDigest(told)) return { answer: undefined }
      if (isManifestMediaType(type)) return { answer: told }
      if (!isIndexMediaType(type)) return { answer: undefined }
      const documents = documentsOf(access, { repository, client }, reference, options)
      const index = rawDocument(await documents.manifest(told), { digest: told })
      const chosen = choosePlatform(parseIndex(index.bytes), options.platform ?? hostPlatform())
      return { answer: isManifestMediaType(chosen.mediaType) ? chosen.digest : undefined }
    },
    signal,
  )
  return served.answer
}

function documentsOf(
  { timing, retries }: RegistryAccess,
  { client, repository }: { readonly client: RegistryClient; readonly repository: string },
  reference: ImageReference,
  options: OpOptions,
): RegistryDocuments {
  const printed = printImageReference(reference)
  return registryDocuments(client, repository, { ...options, printed, retries, timing, warnings: [] })
}
